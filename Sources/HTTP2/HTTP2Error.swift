/// Why a connection cannot go on, or why a stream could not be opened on it.
package enum HTTP2Error: Error, Sendable, Equatable {
    /// The peer broke the protocol; `reason` is nghttp2's word for it, `code` what the GOAWAY says.
    case protocolViolation(code: HTTP2ErrorCode, reason: String)
    /// The peer caused more useless work than the limits allow.
    case flood(HTTP2Flood)
    /// A header list was longer than 8 times the limit.
    case headerListTooLong(byteCountMax: Int)
    /// No new stream: the peer is going away, or this side is.
    case goingAway
    /// No new stream: as many are open as the peer allows.
    case concurrentStreamLimitReached(limit: UInt32)
    /// No new stream: the identifiers of this connection are used up.
    case streamIdentifiersExhausted
    /// A header name or value that must not be sent, e.g. one that holds a line feed.
    case invalidHeader(name: String)
    /// A header list that nghttp2 would refuse to send.
    case headerListTooLongToSend(byteCount: Int)
    /// The library could not allocate.
    case outOfMemory
}

/// The kinds of flood a session defends against.
package enum HTTP2Flood: String, Sendable {
    case resets
    case uselessFrames = "useless_frames"
    case continuations
    case outboundFrames = "outbound_frames"
    case acknowledgements
}

extension HTTP2Error: CustomStringConvertible {
    /// A short constant for metrics, such as `flood_resets`.
    package var label: String {
        switch self {
        case .protocolViolation: "protocol_violation"
        case .flood(let flood): "flood_\(flood.rawValue)"
        case .headerListTooLong: "header_list_too_long"
        case .goingAway: "going_away"
        case .concurrentStreamLimitReached: "concurrent_stream_limit"
        case .streamIdentifiersExhausted: "stream_identifiers_exhausted"
        case .invalidHeader: "invalid_header"
        case .headerListTooLongToSend: "header_list_too_long_to_send"
        case .outOfMemory: "out_of_memory"
        }
    }

    package var description: String {
        switch self {
        case .protocolViolation(let code, let reason): "the peer broke the HTTP/2 protocol: \(reason) (\(code))"
        case .flood(let flood): "the peer sent too many frames that lead nowhere: \(flood.rawValue)"
        case .headerListTooLong(let byteCountMax): "a header list was far above the limit of \(byteCountMax) bytes"
        case .goingAway: "the connection is going away"
        case .concurrentStreamLimitReached(let limit): "the peer allows \(limit) streams at once"
        case .streamIdentifiersExhausted: "the connection has no stream identifiers left"
        case .invalidHeader(let name): "the header \(name) has a name or a value that must not be sent"
        case .headerListTooLongToSend(let byteCount): "a header list of \(byteCount) bytes is too long to send"
        case .outOfMemory: "out of memory"
        }
    }
}

/// An HTTP/2 error code, as in RST_STREAM and GOAWAY.
///
/// - Source: RFC 9113 §7.
package struct HTTP2ErrorCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noError = HTTP2ErrorCode(rawValue: 0x0)
    package static let protocolError = HTTP2ErrorCode(rawValue: 0x1)
    package static let internalError = HTTP2ErrorCode(rawValue: 0x2)
    package static let flowControlError = HTTP2ErrorCode(rawValue: 0x3)
    package static let settingsTimeout = HTTP2ErrorCode(rawValue: 0x4)
    package static let streamClosed = HTTP2ErrorCode(rawValue: 0x5)
    package static let frameSizeError = HTTP2ErrorCode(rawValue: 0x6)
    package static let refusedStream = HTTP2ErrorCode(rawValue: 0x7)
    package static let cancel = HTTP2ErrorCode(rawValue: 0x8)
    package static let compressionError = HTTP2ErrorCode(rawValue: 0x9)
    package static let connectError = HTTP2ErrorCode(rawValue: 0xa)
    package static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 0xb)
    package static let inadequateSecurity = HTTP2ErrorCode(rawValue: 0xc)
    package static let http11Required = HTTP2ErrorCode(rawValue: 0xd)

    private static let names = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
        "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    package var description: String {
        rawValue < Self.names.count ? Self.names[Int(rawValue)] : "error code \(rawValue)"
    }
}
