package import RPC
import Vocabulary

/// Who an etcd that asks for users is called by.
package struct EtcdUser: Sendable {
    package let name: String
    /// Asked each time a token is needed, so that a new password needs no restart; nothing else keeps it.
    let password: @Sendable () -> Result<String, RPCFailure>

    package init(name: String, password: @escaping @Sendable () -> Result<String, RPCFailure>) {
        self.name = name
        self.password = password
    }
}

/// What a user shows etcd with each call.
///
/// etcd forgets tokens: each after a while, and all when it restarts. It says so to the next call, which asks for
/// another one.
enum EtcdToken: Sendable, Equatable {
    case text(String)
    /// This etcd lets everybody do everything, at the moment.
    case unneeded

    /// Whether a call has failed because of the token that it showed, so that another one may do.
    ///
    /// - Source: etcd, `api/v3rpc/rpctypes/error.go`: a token that it does not know, a call without one to an etcd that
    ///   wants it by now, and one from before somebody has changed a user or a role.
    static func isRejected(by failure: RPCFailure) -> Bool {
        switch failure.error.code {
        case .unauthenticated: true
        case .invalidArgument:
            failure.error.message.contains("user name is empty")
                || failure.error.message.contains("revision of auth store is old")
        default: false
        }
    }
}
