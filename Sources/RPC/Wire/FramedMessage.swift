package import Vocabulary

/// A message as it travels: its bytes, and whether they are compressed.
///
/// Messages are kept in this form until somebody takes them, so that what waits is what was received: a compressed
/// message is opened when its reader comes, and only one at a time.
package struct FramedMessage: Equatable, Sendable {
    package let bytes: Bytes
    package let isCompressed: Bool

    package init(_ bytes: Bytes, isCompressed: Bool = false) {
        self.bytes = bytes
        self.isCompressed = isCompressed
    }
}

/// Whether one message may be compressed where its call is.
package enum MessageCompression: Sendable {
    /// As the call is set up; short messages, and those that would not shrink, are sent as they are.
    case allowed
    /// Never: for messages that mix secrets with what others chose, whose length must not tell what they hold.
    case forbidden
}
