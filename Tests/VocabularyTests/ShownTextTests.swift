import Testing
import Vocabulary

@Suite("What is repeated of a text from outside")
struct ShownTextTests {
    @Test(
        "is so many bytes of it, of whole scalars",
        arguments: [
            ("", 4, ""), ("abc", 4, "abc"), ("abcd", 4, "abcd"), ("abcde", 4, "abcd"), ("abcé", 4, "abc"),
            ("abé", 4, "abé"), ("ab€", 4, "ab"), ("😀", 4, "😀"), ("😀", 3, ""), ("€", 0, ""),
        ])
    func cut(text: String, byteCountMax: Int, expected: String) {
        #expect(text.shown(byteCountMax: byteCountMax) == expected)
        #expect("<\(text)>".dropFirst().dropLast().shown(byteCountMax: byteCountMax) == expected)
    }

    @Test("is bounded also where one character is long: a letter with any number of marks")
    func marks() {
        let text = "e" + String(repeating: "\u{301}", count: 100_000)
        #expect(text.prefix(1).utf8.count == 200_001)
        #expect(text.shown(byteCountMax: 64).utf8.count == 63)
    }

    @Test("has no control characters, which end lines and steer terminals")
    func controls() {
        #expect("a\nb\u{1B}[2J\u{7F}\u{9B}c\té".shown() == "a?b?[2J??c?é")
        #expect("\r\n".shown() == "??")
    }
}
