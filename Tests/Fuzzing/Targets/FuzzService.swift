import RPC
import Synchronization
import Vocabulary

/// Methods of all four kinds, and the accounts of their handlers.
final class FuzzService: Sendable {
    /// Handlers that started, and that have returned.
    let startedCount = Atomic(0)
    let returnedCount = Atomic(0)
    /// Calls that the observer has heard of.
    let recordCount = Atomic(0)

    static let paths = ["Unary", "Serve", "Collect", "Both", "Fail", "Hang"].map { "/fuzz.Echo/\($0)" }

    var observer: CallObserver {
        CallObserver { _ in self.recordCount.add(1, ordering: .relaxed) }
    }

    /// `begin` … `end` around the work of a handler.
    private func counted<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        startedCount.add(1, ordering: .relaxed)
        defer { returnedCount.add(1, ordering: .relaxed) }
        return try await body()
    }

    var methods: MethodTable {
        var methods = MethodTable()
        methods.register(unary: "/fuzz.Echo/Unary") { context, message in
            await self.counted {
                // What came from a peer may go back to it.
                context.setInitialMetadata(context.requestMetadata)
                context.setTrailingMetadata(context.requestMetadata)
                return message
            }
        }
        // Two bytes: how many messages of how many times 64 bytes.
        methods.register(serverStream: "/fuzz.Echo/Serve") { context, message, writer in
            try await self.counted {
                let count = message.count > 0 ? Int(message[0]) : 0
                let byteCount = message.count > 1 ? Int(message[1]) * 64 : 0
                if count & 1 == 1 { context.sendInitialMetadata() }
                for _ in 0..<count { try await writer.write(Bytes([UInt8](repeating: 7, count: byteCount))) }
            }
        }
        methods.register(clientStream: "/fuzz.Echo/Collect") { _, requests in
            try await self.counted {
                var byteCount = 0
                while let message = try await requests.next() { byteCount += message.count }
                return Bytes(utf8: String(byteCount))
            }
        }
        methods.register(stream: "/fuzz.Echo/Both") { context, requests, writer in
            try await self.counted {
                context.setInitialMetadata(context.requestMetadata)
                while let message = try await requests.next() { try await writer.write(message) }
            }
        }
        methods.register(unary: "/fuzz.Echo/Fail") { context, message in
            try await self.counted {
                context.setTrailingMetadata(context.requestMetadata)
                // OK is no failure.
                let code = message.count > 0 && message[0] != 0 ? StatusCode(rawValue: Int(message[0])) : nil
                throw ServingError(code ?? .aborted, message.utf8String ?? "not text", label: "asked_for")
            }
        }
        methods.register(unary: "/fuzz.Echo/Hang") { _, message in
            await self.counted {
                await Cancellation.wait()
                return message
            }
        }
        return methods
    }
}

/// Waits until the task that asks is cancelled.
private enum Cancellation {
    static func wait() async {
        let waiter = Waiter()
        await withTaskCancellationHandler {
            await waiter.wait()
        } onCancel: {
            waiter.open()
        }
    }

    private final class Waiter: Sendable {
        private enum State {
            case closed
            case waiting(UnsafeContinuation<Void, Never>)
            case open
        }

        private let state = Mutex(State.closed)

        func open() {
            let before = state.withLock { state in
                defer { state = .open }
                return state
            }
            if case .waiting(let continuation) = before { continuation.resume() }
        }

        func wait() async {
            await withUnsafeContinuation { continuation in
                let isOpen = state.withLock { state in
                    if case .open = state { return true }
                    state = .waiting(continuation)
                    return false
                }
                if isOpen { continuation.resume() }
            }
        }
    }
}
