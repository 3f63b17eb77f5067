/// Who is at the other end of a connection, as its verified certificate says.
///
/// The certificate's one SPIFFE URI names a tenant (`spiffe://TRUST-DOMAIN/tenant/NAME`) or a role
/// (`spiffe://TRUST-DOMAIN/role/router`, `…/role/admin`). Nothing else ever names a tenant.
///
/// - Source: SPIFFE ID specification, section 2; gRFC A87.
package struct PeerIdentity: Hashable, Sendable {
    /// What a certificate entitles its holder to.
    package enum Principal: Hashable, Sendable {
        case tenant(TenantID)
        case router
        case admin
    }

    /// Such as `apus.local`.
    package let trustDomain: String
    package let principal: Principal

    /// Nil unless `uri` is `spiffe://DOMAIN/tenant/NAME` or `spiffe://DOMAIN/role/router|admin`, with nothing more:
    /// no port, user, query or fragment.
    package init?(spiffeURI uri: String) {
        let scheme = "spiffe://"
        guard uri.hasPrefix(scheme), uri.utf8.count <= 2048 else { return nil }
        let parts = uri.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, isTrustDomain(parts[0]) else { return nil }
        switch (parts[1], parts[2]) {
        case ("tenant", let name):
            guard let tenant = TenantID(String(name)) else { return nil }
            principal = .tenant(tenant)
        case ("role", "router"): principal = .router
        case ("role", "admin"): principal = .admin
        default: return nil
        }
        trustDomain = String(parts[0])
    }
}

/// Lower-case letters, digits, dot, hyphen and underscore, 1 to 255 of them.
private func isTrustDomain(_ text: Substring) -> Bool {
    (1...255).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
}
