import Vocabulary

extension CertificateFolder {
    /// What `prepare` found or did.
    package enum Preparation: Hashable, Sendable {
        case found
        case created
    }

    /// Makes the six files when none of them is there, as on a first start.
    ///
    /// - Throws: `TLSError.incompleteFolder` when only some are there: which of them is missed is a person's to say.
    package func prepare(_ plan: CertificateFolderPlan, now: Int64) throws(TLSError) -> Preparation {
        let missing = paths.filter { !FileWriter.exists($0) }
        if missing.isEmpty { return .found }
        guard missing.count == paths.count else {
            let names = missing.map { String($0.dropFirst(path.count + 1)) }
            throw .incompleteFolder(path: path, missing: names)
        }
        try create(plan, now: now, onConflict: .refuse)
        return .created
    }

    /// Makes a new authority with a server's and a client's certificate, and writes the six files; `now` is in seconds
    /// since 1970.
    ///
    /// - Throws: `TLSError.fileExists` naming the first file in the way, before anything is written, unless it may be
    ///   replaced; `.unusableFile`, `.invalidName`, `.issuing`.
    package func create(
        _ plan: CertificateFolderPlan, now: Int64, onConflict: FileConflict
    ) throws(TLSError) {
        if onConflict == .refuse, let path = (paths + [revocationListPath]).first(where: FileWriter.exists) {
            throw .fileExists(path: path)
        }
        let authority = try CertificateAuthority(
            creatingFor: plan.trustDomain,
            validity: CertificateValidity(dayCount: plan.authorityDayCount, from: now))
        let leafValidity = CertificateValidity(dayCount: plan.leafDayCount, from: now)
        let root = try authority.export()
        let server = try authority.issue(.server(plan.serverNames), validity: leafValidity)
        let client = try authority.issue(.client(.tenant(plan.tenant)), validity: leafValidity)
        try FileWriter.makeFolder(path)
        // An old authority's list would make every certificate of the new one unverifiable.
        FileWriter.remove(revocationListPath)
        for (issued, name) in [(root, "ca"), (server, "server"), (client, "client")] {
            try write(issued, name: name, onConflict: onConflict)
        }
    }

    /// Issues one more certificate with the folder's authority, as `NAME.pem` and `NAME.key`: `tenant-acme`,
    /// `role-router`, or `server` for a server.
    ///
    /// - Returns: the paths of the two files.
    /// - Throws: `TLSError.fileExists`, `.unusableFile`, `.invalidName`, `.issuing`.
    package func issue(
        _ purpose: CertificatePurpose, dayCount: Int = CertificateValidity.leafDayCount, now: Int64,
        onConflict: FileConflict
    ) throws(TLSError) -> (certificatePath: String, keyPath: String) {
        let name =
            switch purpose {
            case .server: "server"
            case .client(.tenant(let tenant)): "tenant-\(tenant)"
            case .client(.router): "role-router"
            case .client(.admin): "role-admin"
            }
        let files = (certificatePath: "\(path)/\(name).pem", keyPath: "\(path)/\(name).key")
        if onConflict == .refuse {
            for file in [files.certificatePath, files.keyPath] where FileWriter.exists(file) {
                throw .fileExists(path: file)
            }
        }
        let issued = try authority().issue(purpose, validity: CertificateValidity(dayCount: dayCount, from: now))
        try write(issued, name: name, onConflict: onConflict)
        return files
    }

    /// Writes the key first: a certificate without its key would look finished.
    private func write(_ issued: IssuedCertificate, name: String, onConflict: FileConflict) throws(TLSError) {
        try FileWriter.write(issued.privateKey, to: "\(path)/\(name).key", mode: 0o600, onConflict: onConflict)
        try FileWriter.write(issued.certificate, to: "\(path)/\(name).pem", mode: 0o644, onConflict: onConflict)
    }
}
