import Testing

@testable import ApusServer

@Suite("The reload policy")
struct ReloadPolicyTests {
    @Test(
        "reads once two looks in a row find the same news, and once for each",
        arguments: [
            ("AAAA", "...."), ("ABBB", "..x."), ("ABCC", "...x"), ("ABA", "..."), ("ABAB", "...."),
            ("ABBCCB", "..x.x."), ("ABBAA", "..x.x"), ("BBBB", ".x.."),
        ])
    func looks(versions: String, reads: String) {
        var policy = ReloadPolicy<Character>(read: "A")
        var found = ""
        for version in versions {
            let reading = policy.look(at: version)
            if reading { policy.willRead(version) }
            found += reading ? "x" : "."
        }
        #expect(found == reads)
    }

    @Test("counts what a signal has made it read as read")
    func signal() {
        var policy = ReloadPolicy(read: "A")
        let first = policy.look(at: "B")
        policy.willRead("B")
        let later = [policy.look(at: "B"), policy.look(at: "B")]
        #expect([first] + later == [false, false, false])
    }
}
