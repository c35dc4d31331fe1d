// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Changes the requests, lets those begin whose turn it is, and does what follows from it without a lock.
    func changeRequests(_ body: (inout PendingRequests, inout RequestWork) -> Void) {
        var work = RequestWork()
        self.requests.withLock { table in
            body(&table, &work)
            self.admit(&table, &work)
        }
        if work.mustWake { self.world.wake(self) }
        for after in work.aftermaths { self.carryOut(after) }
        for core in work.leaving { self.end(core) }
        for (filter, core) in work.watched { self.watch(filter, core, from: self.world.now) }
        for (continuation, result) in work.ended { continuation.resume(returning: result) }
        for topic in work.unmatched { self.tell([.unmatched(topic: topic)]) }
    }

    /// Takes up a request; it ends by itself when its reply comes or cannot come.
    func begin(_ request: PendingRequest, number: UInt64) {
        self.changeRequests { table, _ in
            table.requests[number] = request
            table.queue.append(number)
        }
    }

    /// Ends a request; harmless when it has ended.
    func endRequest(_ number: UInt64, _ error: MQTTError) {
        self.changeRequests { self.end(number, .failure(error), &$0, &$1) }
    }

    /// Those whose turn it is begin.
    private func admit(_ table: inout PendingRequests, _ work: inout RequestWork) {
        while table.active < self.settings.requests.pendingLimit, let number = table.queue.popFirst() {
            guard table.requests[number] != nil else { continue }
            table.active += 1
            table.requests[number]?.phase = .ready
            self.prepare(number, &table, &work)
        }
    }

    func end(
        _ number: UInt64,
        _ result: Result<MQTTMessage, MQTTError>,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        guard let request = table.requests[number] else { return }
        if case .queued = request.phase {} else { table.active -= 1 }
        self.leaveSubscription(number, &table, &work)
        table.requests[number] = nil
        // Those that gave up waiting for their turn are not kept for long.
        while let first = table.queue.first, table.requests[first] == nil { table.queue.removeFirst() }
        work.ended.append((request.continuation, result))
    }

    // MARK: - Before it is sent

    /// What a request has to know of the connection.
    private struct ConnectionView {
        var attempt: UInt64
        var hasWildcards: Bool
        var responseInformation: String?
    }

    /// The connection that stands; nil with whether one is being made.
    private func connectionView() -> (view: ConnectionView?, isActive: Bool) {
        self.state.withLock { state in
            guard let connection = state.engine.connection else { return (nil, state.engine.isActive) }
            let view = ConnectionView(
                attempt: state.attempt,
                hasWildcards: connection.limits.wildcardsAvailable,
                responseInformation: connection.connected.properties.responseInformation
            )
            return (view, true)
        }
    }

    /// Makes the message of a request whose turn it is, and sees to it that its reply can come; then it is sent.
    private func prepare(_ number: UInt64, _ table: inout PendingRequests, _ work: inout RequestWork) {
        guard let request = table.requests[number], case .ready = request.phase else { return }
        let (view, isActive) = self.connectionView()
        guard let view else {
            if request.waits, isActive { return }
            let error = MQTTError(.notConnected, "there is no connection to the server")
            return self.end(number, .failure(error), &table, &work)
        }
        do throws(MQTTError) {
            let (address, frame) = try self.address(request, number, view, table.topics)
            guard table.expect(address, for: number) else {
                let words = "another request with the same response topic and correlation data has no reply yet"
                throw MQTTError(.invalidArgument, words)
            }
            table.requests[number]?.address = address
            table.requests[number]?.frame = frame
            table.requests[number]?.phase = .subscribing
            self.join(number, address.filter, qos: request.message.qos, view.attempt, &table, &work)
        } catch {
            self.end(number, .failure(error), &table, &work)
        }
    }

    private func address(
        _ request: PendingRequest,
        _ number: UInt64,
        _ view: ConnectionView,
        _ topics: ReplyTopics
    ) throws(MQTTError) -> (ReplyAddress, PublishFrame) {
        var message = request.message
        let correlation = message.properties.correlationData ?? ReplyTopics.correlation()
        message.properties.correlationData = correlation
        let address: ReplyAddress
        do throws(InvalidTopic) {
            if let topic = message.properties.responseTopic {
                address = ReplyAddress(filter: try TopicFilter(topic), topic: topic, correlation: correlation)
            } else {
                let made = try topics.address(
                    number: number,
                    responseInformation: view.responseInformation,
                    hasWildcards: view.hasWildcards
                )
                address = ReplyAddress(filter: made.filter, topic: made.topic, correlation: correlation)
                message.properties.responseTopic = made.topic
            }
        } catch {
            throw MQTTError(error, isFilter: false)
        }
        do throws(EncodingError) {
            return (address, try PublishFrame(message, version: self.settings.version))
        } catch {
            throw MQTTError(error)
        }
    }

    /// A request that could not be sent waits for the next connection, if it waits for one at all.
    func putBack(_ number: UInt64, _ table: inout PendingRequests, _ work: inout RequestWork) {
        guard let request = table.requests[number] else { return }
        guard request.waits else {
            let error = MQTTError(.connectionLost, "the connection ended before the request was sent")
            return self.end(number, .failure(error), &table, &work)
        }
        self.leaveSubscription(number, &table, &work)
        table.requests[number]?.phase = .ready
        self.prepare(number, &table, &work)
    }

    /// A connection stands: what waited for one goes on.
    func prepareAll(_ table: inout PendingRequests, _ work: inout RequestWork) {
        let ready = table.requests.filter { if case .ready = $0.value.phase { true } else { false } }
        for number in ready.keys.sorted() { self.prepare(number, &table, &work) }
    }
}
