import Glibc

/// Memory of this process that is in use, mapped files included.
///
/// - Source: proc_pid_status(5), `VmRSS` and `VmHWM`; proc_pid_clear_refs(5).
struct ResidentMemory {
    /// Bytes now.
    let byteCount: Int
    /// The most bytes there were since `forgetPeak`, or ever.
    let peakByteCount: Int

    /// What the kernel says now; zeros where it says nothing.
    static func now() -> ResidentMemory {
        var values = ["VmRSS:": 0, "VmHWM:": 0]
        guard let file = fopen("/proc/self/status", "r") else { return ResidentMemory(byteCount: 0, peakByteCount: 0) }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let end = line.firstIndex(of: 0) ?? line.endIndex
            let words = String(decoding: line[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self).split {
                $0.isWhitespace
            }
            guard words.count >= 2, values[String(words[0])] != nil, let kibibytes = Int(words[1]) else { continue }
            values[String(words[0])] = kibibytes * 1024
        }
        return ResidentMemory(byteCount: values["VmRSS:"] ?? 0, peakByteCount: values["VmHWM:"] ?? 0)
    }

    /// Lets the peak start anew from what is in use now; where the kernel refuses, it stays that of the whole life.
    static func forgetPeak() {
        let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = write(descriptor, "5", 1)
    }
}
