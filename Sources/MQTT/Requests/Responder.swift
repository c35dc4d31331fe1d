// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTTEngine
import MQTTWire

/// Answers requests by a handler of the user's.
struct Responder: Sendable {
    let client: MQTTClient<V5>
    let settings: ServeSettings
    let handler: @Sendable (MQTTRequest) async throws -> MQTTReply

    private var now: Instant { self.client.link.world.now }

    /// Answers until there are no more requests or the task is cancelled; gives the error that ended them.
    func answer(_ requests: MQTTSubscription, concurrency: Int) async -> MQTTError? {
        await withTaskGroup(of: Void.self, returning: MQTTError?.self) { group in
            defer { group.cancelAll() }
            var running = 0
            do throws(MQTTError) {
                while !Task.isCancelled {
                    // A request is only taken when somebody has time for it.
                    if running == concurrency {
                        await group.next()
                        running -= 1
                        continue
                    }
                    guard let message = try await requests.next() else { return nil }
                    group.addTask { await self.answer(message) }
                    running += 1
                }
                return nil
            } catch {
                return error.code == .cancelled ? nil : error
            }
        }
    }

    /// Answers one request; it is acknowledged whatever happens, as it would hold back all later ones.
    private func answer(_ message: MQTTMessage) async {
        defer { message.acknowledge() }
        let properties = message.properties
        let topic = properties.responseTopic
        guard topic.map({ self.mayReply(to: $0, for: message) }) ?? true else { return }
        let expiry = properties.messageExpiryInterval
        let deadline = expiry.map { message.run.arrival.advanced(by: .seconds(Int64($0))) }
        let timeLimit = deadline.map { $0.since(self.now) }
        guard timeLimit.map({ $0 > .zero }) ?? true else { return }
        let request = MQTTRequest(message: message, properties: properties, timeLimit: timeLimit)
        let reply = await self.reply(to: request, until: deadline)
        guard let reply, let topic, !Task.isCancelled else { return }
        var sent = reply.properties
        sent.correlationData = properties.correlationData
        if let deadline {
            let left = deadline.since(self.now)
            guard left > .zero else { return }
            if sent.messageExpiryInterval == nil { sent.messageExpiryInterval = UInt32(clamping: left.wholeSeconds) }
        }
        await self.send(
            OutgoingMessage(topic: topic, payload: reply.payload, qos: reply.qos ?? message.qos, properties: sent)
        )
    }

    /// Whether the one who asks may have this client publish to a topic.
    private func mayReply(to topic: String, for message: MQTTMessage) -> Bool {
        if ReplyTopics.isPlain(topic), !message.filter.matches(topic), self.settings.allowsResponseTopic(topic) {
            return true
        }
        self.log("a request was dropped: its response topic is not allowed", ["mqtt.topic": topic])
        return false
    }

    /// What the handler says; nil when the request came to its deadline, or the serving to its end.
    private func reply(to request: MQTTRequest, until deadline: Instant?) async -> MQTTReply? {
        do {
            guard let deadline else { return try await self.handler(request) }
            let task = Task { try await self.handler(request) }
            let timer = self.client.link.schedule(at: deadline) { _ in task.cancel() }
            defer { self.client.link.unschedule(timer) }
            // The time may have passed before there was somebody to tell.
            if self.now >= deadline { task.cancel() }
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch let error as MQTTError where error.code == .requestFailed {
            return Self.failure(error.message)
        } catch {
            // Its words may be meant for nobody outside.
            self.log("the handler of a request failed", ["error": "\(type(of: error))"])
            return Self.failure("the request could not be answered")
        }
    }

    private static func failure(_ words: String) -> MQTTReply {
        // No text of MQTT holds U+0000, and none is longer than this.
        let isText = words.utf8.count <= 65_535 && !words.utf8.contains(0)
        let text = isText ? words : "the request failed"
        return MQTTReply(properties: [.userProperty(name: MQTTError.replyProperty, value: text)])
    }

    private func send(_ message: OutgoingMessage) async {
        do throws(MQTTError) {
            try await self.client.publish(message)
        } catch {
            self.log("a reply could not be sent", ["error": error.description])
        }
    }

    private func log(_ words: String, _ metadata: [String: String]) {
        self.client.link.settings.logger.info("\(words)", metadata: metadata.mapValues { .string($0) })
    }
}
