import HTTP2
import RPC
import Testing
import Vocabulary

@Test(
    "C100: the code of a reset becomes a status code",
    arguments: [
        (.noError, .internal), (.protocolError, .internal), (.internalError, .internal), (.flowControlError, .internal),
        (.refusedStream, .unavailable), (.cancel, .cancelled), (.compressionError, .internal),
        (.enhanceYourCalm, .resourceExhausted), (.inadequateSecurity, .permissionDenied),
        (HTTP2ErrorCode(rawValue: 99), .internal),
    ] as [(HTTP2ErrorCode, StatusCode)])
func resetCode(code: HTTP2ErrorCode, status: StatusCode) {
    #expect(StatusCode(resetCode: code) == status)
}
