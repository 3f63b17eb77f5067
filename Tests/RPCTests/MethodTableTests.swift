import RPC
import Testing
import Vocabulary

@Suite("Finding methods by path")
struct MethodTableTests {
    @Test("S22: every registered path is found, and nothing else is")
    func lookup() {
        var table = MethodTable()
        for number in 0..<200 { table.register(unary: "/service.Name/Method\(number)") { _, message in message } }
        for number in 0..<200 {
            #expect(
                table.method(at: Bytes(utf8: "/service.Name/Method\(number)"))?.path == "/service.Name/Method\(number)")
        }
        for path in [
            "", "/", "//", "/service.Name/", "/service.Name/Method200", "service.Name/Method1", "/service.Name/method1",
        ] {
            #expect(table.method(at: Bytes(utf8: path)) == nil)
        }
        #expect(table.paths.count == 200)
    }

    @Test("a table without methods finds nothing")
    func empty() { #expect(MethodTable().method(at: Bytes(utf8: "/a/b")) == nil) }

    @Test("registering a path twice is our own mistake")
    func duplicate() async {
        await #expect(processExitsWith: .failure) {
            var table = MethodTable()
            table.register(unary: "/a/b") { _, message in message }
            table.register(stream: "/a/b") { _, _, _ in }
        }
    }
}
