import Testing
import Vocabulary

@Suite("identifiers")
struct IdentifiersTests {
    @Test(
        "a tenant's name is safe as a file name, a label and a path component",
        arguments: [
            ("a", true), ("team-7.eu_west", true), ("0", true), (String(repeating: "a", count: 63), true),
            ("", false), (String(repeating: "a", count: 64), false), ("Team", false), (".hidden", false),
            ("-a", false), ("a/b", false), ("a b", false), ("é", false), ("a\0", false),
        ])
    func tenants(name: String, isAllowed: Bool) {
        #expect((TenantID(name) != nil) == isAllowed)
    }

    @Test(
        "a model's name may have capitals and is longer",
        arguments: [
            ("ResNet-50", true), (String(repeating: "A", count: 255), true),
            (String(repeating: "A", count: 256), false),
            ("..", false), ("a\\b", false), ("a\n", false),
        ])
    func models(name: String, isAllowed: Bool) {
        #expect((ModelName(name) != nil) == isAllowed)
    }

    @Test(
        "a version is a positive decimal integer as people write it",
        arguments: [
            ("1", 1), ("10", 10), ("9223372036854775807", Int.max), ("9223372036854775808", nil), ("0", nil),
            ("01", nil), ("+1", nil), ("-1", nil), ("1.0", nil), ("", nil), ("١", nil),
        ] as [(String, Int?)])
    func versions(text: String, number: Int?) {
        #expect(ModelVersion(text)?.number == number)
    }

    @Test("versions are ordered as numbers, not as text")
    func versionOrder() throws {
        let nine = try #require(ModelVersion("9"))
        let ten = try #require(ModelVersion("10"))
        #expect(nine < ten)
        #expect(ModelVersion(0) == nil)
    }

    @Test(
        "an identity is a tenant's or one of two roles'",
        arguments: [
            ("spiffe://apus.local/tenant/local", .tenant("local")), ("spiffe://a/role/router", .router),
            ("spiffe://a/role/admin", .admin),
        ] as [(String, ExpectedPrincipal)])
    func identities(uri: String, expected: ExpectedPrincipal) throws {
        let identity = try #require(PeerIdentity(spiffeURI: uri))
        #expect(identity.trustDomain == uri.split(separator: "/")[1])
        switch (identity.principal, expected) {
        case (.tenant(let tenant), .tenant(let name)): #expect(tenant.name == name)
        case (.router, .router), (.admin, .admin): break
        default: Issue.record("\(identity.principal) instead of \(expected)")
        }
    }

    enum ExpectedPrincipal: Sendable {
        case tenant(String)
        case router
        case admin
    }

    @Test(
        "nothing else is an identity",
        arguments: [
            "", "spiffe://", "https://a/tenant/b", "SPIFFE://a/tenant/b", "spiffe:///tenant/b", "spiffe://a/tenant/",
            "spiffe://a/tenant", "spiffe://a/tenant/b/", "spiffe://a/tenant/b/c", "spiffe://a/tenant/B",
            "spiffe://a/tenant/b?c", "spiffe://a/tenant/b#c", "spiffe://a/tenant/%62", "spiffe://a:1/tenant/b",
            "spiffe://u@a/tenant/b", "spiffe://A/tenant/b", "spiffe://a/role/root", "spiffe://a/role/",
            "spiffe://" + String(repeating: "a", count: 256) + "/tenant/b",
        ])
    func noIdentity(uri: String) {
        #expect(PeerIdentity(spiffeURI: uri) == nil)
    }
}
