package import HTTP2

/// What was found out about a header list that a peer has sent more than once, kept with it.
///
/// Why: a server answers most calls with the same headers, and many with the same trailers. A front end would otherwise
/// read each of them four times: for the status, for what is meant for itself, for what is to be sent on, and to send
/// it.
///
/// It never refers to the list, which keeps it.
///
/// - Isolation: the loop of the connection that the list came on.
package final class HeaderFindings {
    /// Of headers that are a gRPC response's.
    var encoding: MessageEncoding?
    /// Whether it is trailers of a call that succeeded.
    var saysOK = false
    /// What is sent on of such trailers, as it is sent.
    var passedTrailers: HeaderList?
    /// Whether there is anything to send on.
    var hasMetadata: Bool?
    /// What an upper layer has found out.
    package var note: AnyObject?
}

extension HeaderBlock {
    /// Nil for a list that came for the first time: it may well be the last.
    package var findings: HeaderFindings? {
        guard isRepeated else { return nil }
        if let note { return unsafeDowncast(note, to: HeaderFindings.self) }
        let findings = HeaderFindings()
        note = findings
        return findings
    }
}
