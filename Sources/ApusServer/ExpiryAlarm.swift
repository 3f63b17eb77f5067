import TLS

/// When somebody is told that a certificate or a revocation list nears its end.
///
/// Times in seconds since 1970.
struct ExpiryAlarm {
    /// What can expire; the raw values are labels of metrics.
    enum Subject: String, CaseIterable, Hashable {
        case server
        case clientAuthorities = "client_ca"
        case revocationList = "crl"
    }

    enum Urgency: Hashable {
        case soon
        case expired
    }

    struct Notice: Hashable {
        let subject: Subject
        let urgency: Urgency
        let expiry: Int64
    }

    /// From when on an end is near: two weeks.
    static let noticeSeconds: Int64 = 14 * 86_400
    /// How often is said again that it is near, and that it is past.
    static let repeatSeconds: (soon: Int64, expired: Int64) = (86_400, 3_600)

    private var lastNotices: [Subject: (notice: Notice, time: Int64)] = [:]

    /// What has to be said at `now`; the same again only after a while.
    mutating func check(_ report: ServerCredentialReport, at now: Int64) -> [Notice] {
        Subject.allCases.compactMap { subject in
            guard let expiry = report.expiry(of: subject), let urgency = Self.urgency(expiry, now) else {
                lastNotices[subject] = nil
                return nil
            }
            let notice = Notice(subject: subject, urgency: urgency, expiry: expiry)
            let pause = urgency == .soon ? Self.repeatSeconds.soon : Self.repeatSeconds.expired
            if let last = lastNotices[subject], last.notice == notice, now < last.time + pause { return nil }
            lastNotices[subject] = (notice, now)
            return notice
        }
    }

    private static func urgency(_ expiry: Int64, _ now: Int64) -> Urgency? {
        if expiry < now { return .expired }
        return expiry < now + noticeSeconds ? .soon : nil
    }
}

extension ServerCredentialReport {
    /// When `subject` expires; nil for a list that there is not.
    func expiry(of subject: ExpiryAlarm.Subject) -> Int64? {
        switch subject {
        case .server: certificateExpiry
        case .clientAuthorities: authorityExpiry
        case .revocationList: revocationListExpiry
        }
    }
}
