package import HTTP2
import Vocabulary

/// The custom headers or trailers of one call, to be sent on in another as they came.
///
/// Nothing of them is decoded: whoever passes a call on reads the few names that are meant for him from the block.
package struct PassedHeaders: Sendable {
    private let block: HeaderBlock
    /// Of a request's headers.
    private let pattern: RequestPattern?
    private let omitted: [StaticString]
    private let added: HeaderList?

    /// - Parameters:
    ///   - block: as received.
    ///   - omitted: names (lower case) that are not sent on.
    ///   - added: sent behind them.
    package init(_ block: HeaderBlock, omitting omitted: [StaticString] = [], adding added: HeaderList? = nil) {
        self.block = block
        pattern = nil
        self.omitted = omitted
        self.added = added
    }

    /// - Parameters:
    ///   - head: a request's headers.
    ///   - omitted: names (lower case) that are not sent on.
    ///   - added: sent behind them.
    package init(_ head: RequestHead, omitting omitted: [StaticString] = [], adding added: HeaderList? = nil) {
        block = head.block
        pattern = head.pattern
        self.omitted = omitted
        self.added = added
    }

    /// Whether the same is sent on of a request's headers, whatever time the caller has given it.
    func sendsSame(as other: PassedHeaders) -> Bool {
        guard let pattern, pattern === other.pattern, omitted.count == other.omitted.count,
            zip(omitted, other.omitted).allSatisfy({ $0.utf8Start == $1.utf8Start })
        else { return false }
        switch (added, other.added) {
        case (nil, nil): return true
        case (let added?, let otherAdded?): return added.isSame(as: otherAdded)
        default: return false
        }
    }

    /// Whether there is nothing to send on.
    package var isEmpty: Bool { added == nil && !hasMetadata }

    private var hasMetadata: Bool {
        let findings = omitted.isEmpty ? block.findings : nil
        if let known = findings?.hasMetadata { return known }
        let found = block.containsMetadata { !isOmitted($0) }
        findings?.hasMetadata = found
        return found
    }

    /// The trailers of a call that has succeeded, which end with these.
    var trailersOK: HeaderList {
        let findings = omitted.isEmpty && added == nil ? block.findings : nil
        if let known = findings?.passedTrailers { return known }
        var list = HeaderList()
        list.reserve(fieldCount: 2 + fieldCountMax, byteCount: copiedByteCountMax)
        list.append("grpc-status", StatusCode.ok.digits)
        append(to: &list, endingWith: .ok)
        findings?.passedTrailers = list
        return list
    }

    /// At most so many bytes are copied when it is sent on.
    var copiedByteCountMax: Int { block.listByteCount + (added?.listByteCount ?? 0) }
    /// At most so many fields are sent on.
    var fieldCountMax: Int { block.count + (added?.count ?? 0) }

    private func isOmitted(_ name: UnsafeRawBufferPointer) -> Bool { omitted.contains { name.equals($0) } }

    /// Appends the fields to a header list that is about to be sent.
    ///
    /// - Parameters:
    ///   - list: gets them.
    ///   - code: the status that the list ends a call with, which decides whether status details are sent with it; nil
    ///     for a list that ends none.
    ///   - isRetry: whether a number of earlier attempts is in the list already.
    func append(to list: inout HeaderList, endingWith code: StatusCode? = nil, isRetry: Bool = false) {
        block.forEachMetadata { name, value in
            guard !isOmitted(name), !(isRetry && name.equals("grpc-previous-rpc-attempts")) else { return }
            if let code, name.equals("grpc-status-details-bin"), !Self.isDetails(value, of: code) { return }
            // A value that no other call has would only push others out of the peer's table.
            list.append(received: name, value: value, indexing: name.equals("traceparent") ? .never : .allowed)
        }
        if let added { list.append(contentsOf: added) }
    }

    private static func isDetails(_ value: UnsafeRawBufferPointer, of code: StatusCode) -> Bool {
        guard let bytes = Base64.decode(value) else { return false }
        return StatusDetails.code(of: bytes) == Int(code.rawValue)
    }
}
