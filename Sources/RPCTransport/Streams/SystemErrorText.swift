import Glibc

/// The words for an errno.
enum SystemErrorText {
    static func text(of code: Int32) -> String {
        // strerror_r(3), GNU or POSIX, leaves the text in the buffer or in a constant; strerrorname is not everywhere.
        guard let text = strerror(code) else { return "errno \(code)" }
        return String(cString: text)
    }
}
