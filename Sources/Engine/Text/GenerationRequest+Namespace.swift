import KVCache
import Scheduling
import Vocabulary

extension GenerationRequest {
    /// Decides whose cached pages the request may begin with: by who asks, and only narrowed by what is asked.
    ///
    /// - Parameter ticket: of the request's first sequence.
    /// - Returns: a namespace that no other tenant's request has.
    /// - Throws: INVALID_ARGUMENT for a salt that is too long.
    func namespace(for ticket: Ticket) throws(ServingError) -> PrefixNamespace {
        guard cacheSalt.utf8.count <= Self.cacheSaltByteCountMax else {
            throw ServingError(
                .invalidArgument,
                "cache_salt: expected at most \(Self.cacheSaltByteCountMax) bytes, got \(cacheSalt.utf8.count)")
        }
        guard let tenant else { return .request(ticket.number) }
        return .tenant(tenant, salt: cacheSalt)
    }
}
