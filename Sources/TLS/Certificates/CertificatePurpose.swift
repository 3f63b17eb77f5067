package import Vocabulary

/// What a certificate is issued for.
package enum CertificatePurpose: Hashable, Sendable {
    /// A server reached by these names, at least one.
    case server([ServerName])
    /// A client that is this tenant or has this role.
    case client(PeerIdentity.Principal)
}

extension PeerIdentity.Principal {
    /// The path of the SPIFFE URI, such as `/tenant/local`.
    package var spiffePath: String {
        switch self {
        case .tenant(let tenant): "/tenant/\(tenant)"
        case .router: "/role/router"
        case .admin: "/role/admin"
        }
    }
}
