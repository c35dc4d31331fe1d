// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import Testing

@testable import MQTTTransport

/// Whatever a server sends, cut anywhere: no crash, no byte that is not there, the same however it is cut.
@Suite(.timeLimit(.minutes(10))) struct WebSocketFuzzTests {
    private static let rounds = 200

    @Test(arguments: 0..<UInt64(4))
    func `frames that keep the rules give their bytes, however they are cut`(seed: UInt64) throws {
        var random = SplitMix(seed)
        for round in 0..<Self.rounds {
            let stream = ServerStream.make(&random)
            let events = Self.read(stream.bytes, cutAtMost: round % 3 == 0 ? 2 : 300, &random)
            #expect(events.payload == stream.payload, "seed \(seed), round \(round)")
            #expect(events.others == stream.others, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: 0..<UInt64(4))
    func `attack WebSocket frames: damaged ones read the same however they are cut`(seed: UInt64) throws {
        var random = SplitMix(seed &+ 100)
        for round in 0..<Self.rounds {
            var bytes = ServerStream.make(&random).bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            let whole = Self.read(bytes, cutAtMost: .max, &random)
            let cut = Self.read(bytes, cutAtMost: 5, &random)
            #expect(whole == cut, "seed \(seed), round \(round)")
            #expect(whole.payload.count <= bytes.count)
            #expect(whole.others.dropLast().allSatisfy { !$0.hasPrefix("violation") && !$0.hasPrefix("close") })
        }
    }

    @Test(arguments: 0..<UInt64(4)) func `attack WebSocket noise: any bytes end well`(seed: UInt64) throws {
        var random = SplitMix(seed &+ 200)
        for _ in 0..<Self.rounds {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let whole = Self.read(bytes, cutAtMost: .max, &random)
            #expect(whole == Self.read(bytes, cutAtMost: 3, &random))
            let channel = EmbeddedChannel(handler: WebSocketHandler(endpoint: .webSocket("h")))
            try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            channel.close(promise: nil)
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(!channel.isActive)
        }
    }

    @Test(arguments: 0..<UInt64(4))
    func `attack WebSocket answer: a damaged one is agreed to or refused, never more`(seed: UInt64) throws {
        var random = SplitMix(seed &+ 300)
        var agreed = 0
        for round in 0..<Self.rounds {
            let channel = EmbeddedChannel()
            try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            var results: [Result<Void, any Error>] = []
            try ChannelStages(for: .webSocket("h")).configure(channel).assumeIsolated()
                .whenComplete { results.append($0) }
            var request = ""
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { request += String(buffer: buffer) }
            var bytes = Array(WebSocketServer.agreement(to: request).utf8) + [0x82, 1, 65]
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                let end = min(bytes.count, index + Int.random(in: 0...40, using: &random))
                let noise = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                bytes.replaceSubrange(index..<end, with: noise)
            }
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...60, using: &random)
                _ = try? channel.writeInbound(ByteBuffer(bytes: rest.prefix(size)))
                rest = rest.dropFirst(size)
                if Bool.random(using: &random) { channel.embeddedEventLoop.run() }
            }
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            channel.pipeline.fireChannelInactive()
            ChannelStages.abandon(channel)
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(results.count == 1, "seed \(seed), round \(round)")
            switch results.first {
            case .success: agreed += 1
            case .failure(let error):
                let code = (error as? TransportError)?.code
                #expect(code == .webSocketRefused || code == .wrongProtocol, "seed \(seed), round \(round): \(error)")
            case nil: break
            }
        }
        #expect(agreed > Self.rounds / 20, "undamaged answers are agreed to")
    }

    // MARK: - Reading

    private struct Outcome: Equatable {
        var payload: [UInt8] = []
        var others: [String] = []
    }

    private static func read(_ bytes: [UInt8], cutAtMost limit: Int, _ random: inout SplitMix) -> Outcome {
        var reader = FrameReader()
        var outcome = Outcome()
        var rest = bytes[...]
        while !rest.isEmpty {
            // In small pieces where that takes no time.
            let most = limit == .max ? rest.count : max(limit, rest.count / 500)
            let size = limit == .max ? most : Int.random(in: 1...most, using: &random)
            var buffer = ByteBuffer(bytes: rest.prefix(size))
            rest = rest.dropFirst(size)
            while let event = reader.next(from: &buffer) {
                switch event {
                case .payload(let part): outcome.payload += part.readableBytesView
                case .ping(let data): outcome.others.append("ping \(Array(data.readableBytesView))")
                case .pong: outcome.others.append("pong")
                case .close(let code, _): outcome.others.append("close \(code ?? 0)")
                case .violation(let violation): outcome.others.append("violation \(violation.words)")
                }
            }
            // Every byte has to be read.
            if buffer.readableBytes > 0 { outcome.others.append("unread") }
        }
        return outcome
    }
}

/// A stream of frames that keeps the rules.
private struct ServerStream {
    var bytes: [UInt8] = []
    var payload: [UInt8] = []
    var others: [String] = []

    static func make(_ random: inout SplitMix) -> Self {
        var stream = Self()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let fragments = Int.random(in: 1...4, using: &random)
            for fragment in 0..<fragments {
                if Int.random(in: 0..<3, using: &random) == 0 { stream.appendControl(&random) }
                let isLarge = Int.random(in: 0..<100, using: &random) == 0
                let count = Int.random(in: 0...(isLarge ? 66_000 : 140), using: &random)
                let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ stream.payload.count) }
                let first: UInt8 = (fragment == 0 ? 2 : 0) | (fragment == fragments - 1 ? 0x80 : 0)
                stream.bytes += WebSocketFrameTests.frame(first, data)
                stream.payload += data
            }
        }
        return stream
    }

    private mutating func appendControl(_ random: inout SplitMix) {
        let data = (0..<Int.random(in: 0...125, using: &random)).map { UInt8($0) }
        let isPing = Bool.random(using: &random)
        self.bytes += WebSocketFrameTests.frame(isPing ? 0x89 : 0x8A, data)
        self.others.append(isPing ? "ping \(data)" : "pong")
    }
}

/// Random numbers that are the same each time.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
