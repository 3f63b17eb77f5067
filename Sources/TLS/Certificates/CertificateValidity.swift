/// From when until when a certificate holds, in seconds since 1970 (UTC), both ends included.
package struct CertificateValidity: Hashable, Sendable {
    package let notBefore: Int64
    package let notAfter: Int64

    /// - Precondition: `notBefore <= notAfter`.
    package init(notBefore: Int64, notAfter: Int64) {
        precondition(notBefore <= notAfter, "a validity that ends before it begins: \(notBefore) … \(notAfter)")
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// `dayCount` days from `now`, and five minutes before it, for peers whose clocks run behind.
    ///
    /// - Precondition: `dayCount` is in `1 ... 36500`.
    package init(dayCount: Int, from now: Int64) {
        precondition((1...36_500).contains(dayCount), "a validity of \(dayCount) days")
        self.init(notBefore: now - 300, notAfter: now + Int64(dayCount) * 86_400)
    }

    /// How long an authority holds unless told otherwise: ten years.
    package static let authorityDayCount = 3_650
    /// How long a server's or client's certificate holds unless told otherwise: a year.
    package static let leafDayCount = 365
    /// How long a revocation list holds unless told otherwise: a year.
    package static let listDayCount = 365
}
