import Routing
package import Vocabulary

/// Models give way to each other when there is not memory for all of them.
extension LiveRepository {
    package nonisolated func wake(
        _ name: ModelName, _ version: ModelVersion, for tenant: TenantID?
    ) async throws(ServingError) {
        let result: Result<Void, ServingError> = await inTurn { repository in
            // Somebody who came before has brought it back, or taken it away for good.
            guard repository.engine.isResting(name, version) else { return .success(()) }
            guard let folder = repository.table.folder(ofServed: name, version) else {
                return .failure(
                    ServingError(
                        .failedPrecondition, "model '\(name)' version \(version) has left its repository",
                        label: "load_failed"))
            }
            guard let failure = await repository.load(folder, version, on: .call(by: tenant)) else {
                return .success(())
            }
            return .failure(failure.servingError(name, for: .caller))
        }
        try result.get()
    }

    /// Takes models out of memory until there is room for another one.
    ///
    /// One that is replaced counts along with what replaces it: until that is ready, both are there.
    ///
    /// - Parameters:
    ///   - byteCount: that it takes.
    ///   - name: the model that needs it; it stays.
    ///   - version: of the model that needs it.
    ///   - tenant: who calls it; nil when nobody does.
    /// - Throws: when there is not enough that may go; nothing has changed then.
    func makeRoom(
        for byteCount: Int, _ name: ModelName, _ version: ModelVersion, _ tenant: TenantID?
    ) async throws(MemoryShortage) {
        guard let governor = governor() else { return }
        let residents = engine.residents
        guard let victims = victims(of: governor, for: byteCount, name, version, tenant, residents) else {
            throw governor.shortage(of: byteCount, for: name, residents)
        }
        // All at once: each may have requests that are answered first.
        await withTaskGroup(of: Void.self) { [engine, observe] group in
            for victim in victims {
                group.addTask {
                    // One that is not there any more is as gone as it should be.
                    try? await engine.rest(victim.name, victim.version)
                    observe(.rested(victim.name, victim.version, byteCount: victim.byteCount, for: name))
                }
            }
        }
    }

    /// Has loaded again what there was no memory for, where there is now.
    func retryWhereMemoryIs() {
        table.retry { name, version, byteCount in
            guard let governor = governor() else { return true }
            return victims(of: governor, for: byteCount, name, version, nil, engine.residents) != nil
        }
    }

    /// How much a version is thought to take before it is read: what it was refused for or took before, or else its
    /// files.
    func expectedByteCount(_ folder: ModelFolder, _ version: ModelVersion) -> Int {
        if let refused = table.refusedByteCount(folder, version) { return refused }
        let selector = ModelSelector(name: folder.name, version: version)
        let known = try? engine.terms(of: selector).residentByteCount
        return known ?? folder.versions[version]?.byteCount ?? 0
    }

    private func victims(
        of governor: MemoryGovernor, for byteCount: Int, _ name: ModelName, _ version: ModelVersion,
        _ tenant: TenantID?, _ residents: [Engine.Resident]
    ) -> [Engine.Resident]? {
        governor.victims(for: byteCount, of: tenant, residents: residents) { resident in
            (resident.name, resident.version) != (name, version)
                && table.folder(ofServed: resident.name, resident.version) != nil
        }
    }
}

extension MemoryGovernor {
    fileprivate func shortage(of byteCount: Int, for name: ModelName, _ residents: [Engine.Resident]) -> MemoryShortage
    {
        // What is larger than all memory will not fit in a while either.
        let isHopeless = byteCount > byteCountMax
        let used = residents.reduce(0) { $0 + $1.byteCount }
        let why =
            isHopeless
            ? "more than the \(byteCountMax) that memory.limit allows"
            : "but others hold \(used) of the \(byteCountMax) that memory.limit allows, and too few of them may be "
                + "unloaded"
        return MemoryShortage(
            byteCount: byteCount,
            error: ServingError(
                .resourceExhausted, "model '\(name)' needs \(byteCount) bytes, \(why)", label: "memory_exhausted",
                retryAdvice: isHopeless ? .never : .after(nanoseconds: Awakenings.shortageNanoseconds)))
    }
}
