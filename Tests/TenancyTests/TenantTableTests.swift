import Configuration
import Testing
import Vocabulary

@testable import Tenancy

let inferMethod = "/inference.GRPCInferenceService/ModelInfer"
private let adminMethod = "/apus.admin.v1.Admin/ServerStatus"
private let shardMethod = "/apus.shard.v1.Shard/Watch"
private let healthMethod = "/grpc.health.v1.Health/Check"

@Suite("A tenant table")
struct TenantTableTests {
    private let table = TenantTable(
        policies: [
            TenantID("acme")!: TenantPolicy(
                grants: [Grant(models: [ModelName("digits")!])], weight: 4, concurrencyMax: 2),
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
            if let model { try caller.require(ModelName(model)!, method: method, MethodAudience(path: method)) }
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
            ("tenant/acme", "local", "acme", "acme", "not_an_admin"),
            ("tenant/acme", "ACME!", "acme", "acme", "not_an_admin"),
            ("role/admin", "acme", "nobody", "admin_only", "nobody"),
        ] as [(String, String?, String, String, String)])
    func principals(path: String, actingFor: String?, health: String, infer: String, admin: String) {
        let identity = identity(path)
        #expect(decision(identity, healthMethod, actingFor: actingFor) == health)
        #expect(decision(identity, inferMethod, actingFor: actingFor) == infer)
        #expect(decision(identity, adminMethod, actingFor: actingFor) == admin)
    }

    @Test("lets routers, and nobody else, ask a shard how it is")
    func shards() {
        #expect(decision(identity("role/router"), shardMethod) == "nobody")
        #expect(decision(identity("role/router"), shardMethod, actingFor: "acme") == "nobody")
        for other in ["tenant/acme", "role/admin"] {
            #expect(decision(identity(other), shardMethod) == "not_a_router")
        }
    }

    @Test("keeps a tenant to its models")
    func models() {
        #expect(decision(identity("tenant/acme"), inferMethod, model: "digits") == "acme")
        #expect(decision(identity("tenant/acme"), inferMethod, model: "karate") == "model_not_allowed")
        #expect(decision(identity("tenant/local"), inferMethod, model: "karate") == "local")
        #expect(
            decision(identity("role/router"), inferMethod, model: "karate", actingFor: "acme") == "model_not_allowed")
    }

    @Test("a grant holds for its methods, actions and models together; one that holds is enough")
    func grants() {
        let load = "/inference.GRPCInferenceService/RepositoryModelLoad"
        let metadata = "/inference.GRPCInferenceService/ModelMetadata"
        let generate = "/apus.text.v1.Text/Generate"
        let table = TenantTable(
            policies: [
                TenantID("acme")!: TenantPolicy(grants: [
                    Grant(models: [ModelName("digits")!], actions: [.infer, .manage]),
                    Grant(models: [ModelName("tales")!], methods: [MethodPattern("apus.text.v1.Text/*")!]),
                ])
            ], unlistedPolicy: nil)
        func decision(_ method: String, _ model: String) -> String {
            self.decision(identity("tenant/acme"), method, model: model, table: table)
        }
        #expect(decision(load, "digits") == "acme" && decision(load, "tales") == "model_not_allowed")
        #expect(decision(inferMethod, "digits") == "acme" && decision(inferMethod, "tales") == "model_not_allowed")
        #expect(decision(generate, "tales") == "acme" && decision(generate, "digits") == "acme")
        #expect(decision(metadata, "digits") == "model_not_allowed", "what it may look at, it was not granted")
        #expect(table.policies[TenantID("acme")!]!.allowedModels == [ModelName("digits")!, ModelName("tales")!])
        #expect(TenantPolicy(grants: [Grant(), Grant(models: [])]).allowedModels == nil)
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
        #expect(decision(nil, inferMethod, actingFor: "acme", table: open) == "local")
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
        #expect(MethodAudience(path: "/apus.graph.v1.Graph/UpdateNodes") == .tenants, "what it changes is its own")
        #expect(MethodAudience(path: adminMethod) == .admins)
        #expect(MethodAudience(path: shardMethod) == .routers)
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
        // Who reads may be an admin behind the front end.
        let isReading = MethodAudience(path: method) == .readers
        #expect(decision(identity("role/router"), method) == (isReading ? "nobody" : "no_tenant"))
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
                        TenantID("acme")!: TenantPolicy(grants: [Grant(models: models)], weight: 4, concurrencyMax: 64),
                        TenantID("beta")!: TenantPolicy(),
                    ],
                    unlistedPolicy: nil))
        #expect(try TenantTable(reading: ConfigurationFile.parse("", file: "apus.yaml")) == TenantTable())
    }

    @Test("roles are read, and added to what a tenant says of itself")
    func roles() throws {
        let map = try ConfigurationFile.parse(
            """
            roles:
              - {name: readers, models: [digits], actions: [inspect]}
              - {name: operators, actions: [infer, inspect, manage]}
            tenants:
              - {name: a, roles: [readers]}
              - {name: b, roles: [readers, operators], models: [karate], highest_priority: 3}
            """, file: "apus.yaml")
        let table = try TenantTable(reading: map)
        try map.finish()
        let readers = Grant(models: [ModelName("digits")!], actions: [.inspect])
        #expect(table.policies[TenantID("a")!]!.grants == [readers])
        #expect(
            table.policies[TenantID("b")!]!.grants
                == [readers, Grant(actions: [.infer, .inspect, .manage]), Grant(models: [ModelName("karate")!])])
        #expect(table.policies[TenantID("b")!]!.priorityMax == 3 && table.policies[TenantID("a")!]!.priorityMax == nil)
    }

    @Test(
        "names the place of what it cannot read",
        arguments: [
            ("trust_domain: A B", "apus.yaml:1:15: trust_domain: "),
            ("unlisted: perhaps", "apus.yaml:1:11: unlisted: "),
            ("tenants: [{weight: 1}]", "apus.yaml:1:11: tenants[0].name: is required"),
            ("tenants: [{name: UPPER}]", "apus.yaml:1:18: tenants[0].name: "),
            (
                "tenants: [{name: a}, {name: a}]",
                "apus.yaml:1:29: tenants[1].name: a tenant called a stands above already"
            ),
            ("tenants: [{name: a, weight: 0}]", "apus.yaml:1:29: tenants[0].weight: "),
            ("tenants: [{name: a, models: [a/b]}]", "apus.yaml:1:29: tenants[0].models: "),
            ("tenants: [{name: a, roles: [b]}]", "apus.yaml:1:28: tenants[0].roles: no role is called b"),
            ("tenants: [{name: a, actions: [fly]}]", "apus.yaml:1:30: tenants[0].actions: expected some of infer"),
            ("tenants: [{name: a, highest_priority: 0}]", "apus.yaml:1:39: tenants[0].highest_priority: "),
            ("roles: [{name: a}, {name: a}]", "apus.yaml:1:27: roles[1].name: a role called a stands above already"),
        ])
    func badConfiguration(text: String, message: String) throws {
        let map = try ConfigurationFile.parse(text, file: "apus.yaml")
        let error = #expect(throws: ConfigurationError.self) { try TenantTable(reading: map) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }
}
