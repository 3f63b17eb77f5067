import Configuration
import Testing
import Vocabulary

@testable import Tenancy

private let inferMethod = "/inference.GRPCInferenceService/ModelInfer"
private let adminMethod = "/apus.admin.v1.Admin/ServerStatus"
private let healthMethod = "/grpc.health.v1.Health/Check"

@Suite("A tenant table")
struct TenantTableTests {
    private let table = TenantTable(
        policies: [
            TenantID("acme")!: TenantPolicy(allowedModels: [ModelName("digits")!], weight: 4, concurrencyMax: 2),
            TenantID("local")!: TenantPolicy(),
        ],
        unlistedPolicy: nil)

    private func identity(_ path: String, domain: String = "apus.local") -> PeerIdentity {
        PeerIdentity(spiffeURI: "spiffe://\(domain)/\(path)")!
    }

    /// The tenant admitted, or the label of the refusal.
    private func decision(
        _ identity: PeerIdentity?, _ method: String, model: String? = nil, actingFor: String? = nil,
        table: TenantTable? = nil
    ) -> String {
        do throws(ServingError) {
            let caller = try (table ?? self.table).authorize(
                identity, method: method, audience: MethodAudience(path: method), actingFor: actingFor)
            if let model { try caller.require(ModelName(model)!) }
            return caller.tenant?.name ?? "nobody"
        } catch {
            return error.label
        }
    }

    @Test(
        "lets each kind of caller call what is for it, and nothing else",
        arguments: [
            ("tenant/acme", nil, "acme", "acme", "not_an_admin"),
            ("tenant/ghost", nil, "unknown_tenant", "unknown_tenant", "not_an_admin"),
            ("role/admin", nil, "nobody", "admin_only", "nobody"),
            ("role/router", nil, "nobody", "no_tenant", "not_an_admin"),
            ("role/router", "acme", "acme", "acme", "not_an_admin"),
            ("role/router", "ghost", "unknown_tenant", "unknown_tenant", "not_an_admin"),
            ("role/router", "ACME!", "bad_tenant_name", "bad_tenant_name", "bad_tenant_name"),
            ("tenant/acme", "local", "not_a_router", "not_a_router", "not_a_router"),
            ("tenant/acme", "acme", "not_a_router", "not_a_router", "not_a_router"),
            ("role/admin", "acme", "not_a_router", "not_a_router", "not_a_router"),
        ] as [(String, String?, String, String, String)])
    func principals(path: String, actingFor: String?, health: String, infer: String, admin: String) {
        let identity = identity(path)
        #expect(decision(identity, healthMethod, actingFor: actingFor) == health)
        #expect(decision(identity, inferMethod, actingFor: actingFor) == infer)
        #expect(decision(identity, adminMethod, actingFor: actingFor) == admin)
    }

    @Test("keeps a tenant to its models")
    func models() {
        #expect(decision(identity("tenant/acme"), inferMethod, model: "digits") == "acme")
        #expect(decision(identity("tenant/acme"), inferMethod, model: "karate") == "model_not_allowed")
        #expect(decision(identity("tenant/local"), inferMethod, model: "karate") == "local")
        #expect(
            decision(identity("role/router"), inferMethod, model: "karate", actingFor: "acme") == "model_not_allowed")
    }

    @Test("refuses other trust domains and callers without identity")
    func strangers() {
        #expect(decision(identity("tenant/acme", domain: "evil.example"), inferMethod) == "foreign_trust_domain")
        #expect(decision(identity("role/admin", domain: "evil.example"), adminMethod) == "foreign_trust_domain")
        #expect(decision(nil, healthMethod) == "no_identity")
        var open = table
        open.anonymousTenant = TenantID("local")
        #expect(decision(nil, inferMethod, table: open) == "local")
        #expect(decision(nil, adminMethod, table: open) == "not_an_admin")
        #expect(decision(nil, inferMethod, actingFor: "acme", table: open) == "not_a_router")
    }

    @Test("gives tenants that are not listed the policy for them")
    func unlisted() throws {
        var open = table
        open.unlistedPolicy = TenantPolicy(weight: 2)
        let caller = try open.authorize(identity("tenant/ghost"), method: inferMethod, audience: .tenants)
        #expect(caller.tenant == TenantID("ghost"))
        #expect(caller.policy == TenantPolicy(weight: 2))
        let acme = try open.authorize(identity("tenant/acme"), method: inferMethod, audience: .tenants)
        #expect(acme.policy.weight == 4)
    }

    @Test("treats an unknown service, and a path that is none, as one for tenants")
    func audiences() {
        for path in ["/new.Service/Call", "", "/", "grpc.health.v1.Health/Check", "//apus.admin.v1.Admin/X"] {
            #expect(MethodAudience(path: path) == .tenants, "\(path)")
        }
        #expect(MethodAudience(path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo") == .everybody)
        #expect(MethodAudience(path: adminMethod) == .admins)
    }

    @Test(
        "lets tenants run models, admins change which there are, and both look",
        arguments: [
            ("ModelInfer", "acme", "admin_only"), ("ModelStreamInfer", "acme", "admin_only"),
            ("RepositoryModelLoad", "not_an_admin", "nobody"), ("RepositoryModelUnload", "not_an_admin", "nobody"),
            ("RepositoryIndex", "acme", "nobody"), ("ModelStatistics", "acme", "nobody"),
            ("TraceSetting", "acme", "nobody"), ("Anything", "acme", "nobody"),
        ])
    func inferenceMethods(name: String, tenant: String, admin: String) {
        let method = "/inference.GRPCInferenceService/\(name)"
        #expect(decision(identity("tenant/acme"), method) == tenant)
        #expect(decision(identity("role/admin"), method) == admin)
        let router = tenant == "acme" ? "no_tenant" : tenant
        #expect(decision(identity("role/router"), method) == router)
        #expect(decision(identity("role/router"), method, actingFor: "acme") == tenant)
    }

    @Test("is read from a configuration")
    func configuration() throws {
        let map = try ConfigurationFile.parse(
            """
            trust_domain: example.org
            unlisted: deny
            tenants:
              - {name: acme, models: [digits, storyteller], weight: 4, max_concurrency: 64}
              - name: beta
            """, file: "apus.yaml")
        let table = try TenantTable(reading: map)
        try map.finish()
        let models: Set<ModelName> = [ModelName("digits")!, ModelName("storyteller")!]
        #expect(
            table
                == TenantTable(
                    trustDomain: "example.org",
                    policies: [
                        TenantID("acme")!: TenantPolicy(allowedModels: models, weight: 4, concurrencyMax: 64),
                        TenantID("beta")!: TenantPolicy(),
                    ],
                    unlistedPolicy: nil))
        #expect(try TenantTable(reading: ConfigurationFile.parse("", file: "apus.yaml")) == TenantTable())
    }

    @Test(
        "names the place of what it cannot read",
        arguments: [
            ("trust_domain: A B", "apus.yaml:1:15: trust_domain: "),
            ("unlisted: perhaps", "apus.yaml:1:11: unlisted: "),
            ("tenants: [{weight: 1}]", "apus.yaml: tenants[0].name: is required"),
            ("tenants: [{name: UPPER}]", "apus.yaml:1:18: tenants[0].name: "),
            (
                "tenants: [{name: a}, {name: a}]",
                "apus.yaml:1:29: tenants[1].name: a tenant called a stands above already"
            ),
            ("tenants: [{name: a, weight: 0}]", "apus.yaml:1:29: tenants[0].weight: "),
            ("tenants: [{name: a, models: [a/b]}]", "apus.yaml:1:29: tenants[0].models: "),
        ])
    func badConfiguration(text: String, message: String) throws {
        let map = try ConfigurationFile.parse(text, file: "apus.yaml")
        let error = #expect(throws: ConfigurationError.self) { try TenantTable(reading: map) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}

@Suite("A tenant gate")
struct TenantGateTests {
    private let acme = TenantID("acme")!

    private func enter(
        _ gate: TenantGate, _ path: String, audience: MethodAudience = .tenants, actingFor: String? = nil,
        pass: TenantPass? = nil
    ) throws(ServingError) -> TenantPass {
        try gate.enter(
            PeerIdentity(spiffeURI: "spiffe://apus.local/\(path)"), method: inferMethod, audience: audience,
            actingFor: actingFor, pass: pass)
    }

    @Test("admits a tenant up to its limit, again after a call has left, and others meanwhile")
    func limit() throws {
        let gate = TenantGate(TenantTable(policies: [acme: TenantPolicy(concurrencyMax: 2)]))
        let first = try enter(gate, "tenant/acme")
        _ = try enter(gate, "tenant/acme", pass: first)
        for pass in [nil, first] {
            let refusal = #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: pass) }
            #expect(refusal?.code == .resourceExhausted && refusal?.label == "tenant_concurrency")
        }
        #expect(gate.inProgressCount(of: acme) == 2)
        _ = try enter(gate, "tenant/other")
        gate.leave(first)
        _ = try enter(gate, "tenant/acme")
        #expect(gate.inProgressCount(of: acme) == 2)
    }

    @Test("a pass holds for the tenant's own methods while the table is the same, and for nothing else")
    func pass() throws {
        let gate = TenantGate(TenantTable())
        let pass = try enter(gate, "tenant/acme")
        #expect(try enter(gate, "tenant/acme", audience: .everybody, pass: pass) === pass)
        #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", audience: .admins, pass: pass) }
        #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", actingFor: "other", pass: pass) }
        let router = try enter(gate, "role/router", actingFor: "acme")
        #expect(throws: ServingError.self) { try enter(gate, "role/router", pass: router) }
        gate.replace(TenantTable())
        #expect(try enter(gate, "tenant/acme", pass: pass) !== pass)
    }

    @Test("keeps counting calls across a new table")
    func replace() throws {
        let gate = TenantGate(TenantTable(unlistedPolicy: TenantPolicy(concurrencyMax: 1)))
        let before = try enter(gate, "tenant/acme")
        gate.replace(TenantTable(unlistedPolicy: nil))
        for pass in [nil, before] {
            #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: pass) }
        }
        #expect(gate.inProgressCount(of: acme) == 1)
        gate.leave(before)
        #expect(gate.inProgressCount(of: acme) == 0)
    }

    @Test("forgets tenants without calls when there are many, and never one with a call")
    func accounts() throws {
        let gate = TenantGate(TenantTable())
        let pass = try enter(gate, "tenant/acme")
        for number in 0..<5_000 { gate.leave(try enter(gate, "tenant/t\(number)")) }
        #expect(gate.accountCount <= 1_024)
        #expect(gate.inProgressCount(of: acme) == 1)
        gate.leave(pass)
    }

    @Test("a connection whose tenant was forgotten meanwhile counts with the tenant's other connections")
    func forgottenPass() throws {
        let gate = TenantGate(TenantTable(unlistedPolicy: TenantPolicy(concurrencyMax: 1)))
        let first = try enter(gate, "tenant/acme")
        gate.leave(first)
        for number in 0..<1_024 { gate.leave(try enter(gate, "tenant/t\(number)")) }
        let other = try enter(gate, "tenant/acme")
        #expect(throws: ServingError.self) { try enter(gate, "tenant/acme", pass: first) }
        gate.leave(other)
        gate.leave(try enter(gate, "tenant/acme", pass: first))
        #expect(gate.inProgressCount(of: acme) == 0)
    }

    @Test("treats a call that leaves twice as our bug")
    func leaveTwice() async {
        await #expect(processExitsWith: .failure) {
            let gate = TenantGate(TenantTable())
            let pass = try gate.enter(
                PeerIdentity(spiffeURI: "spiffe://apus.local/tenant/acme"), method: "/s/m", audience: .tenants)
            gate.leave(pass)
            gate.leave(pass)
        }
    }
}
