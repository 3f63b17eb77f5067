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
            return await repository.bringBack(folder, version, tenant)
        }
        try result.get()
    }

    private func bringBack(
        _ folder: ModelFolder, _ version: ModelVersion, _ tenant: TenantID?
    ) async -> Result<Void, ServingError> {
        do throws(ServingError) {
            let byteCount = try engine.terms(of: ModelSelector(name: folder.name, version: version)).residentByteCount
            try await makeRoom(for: byteCount, folder.name, version, tenant)
        } catch {
            return .failure(error)
        }
        guard let failure = await load(folder, version, for: tenant) else { return .success(()) }
        return .failure(ServingError(.failedPrecondition, "failed to load \(failure)", label: "load_failed"))
    }

    /// Takes models out of memory until there is room for another one.
    ///
    /// - Parameters:
    ///   - byteCount: that it takes.
    ///   - name: the model that needs it; it stays.
    ///   - version: of the model that needs it.
    ///   - tenant: who calls it; nil when nobody does.
    /// - Throws: RESOURCE_EXHAUSTED when there is not enough that may go; nothing has changed then.
    func makeRoom(
        for byteCount: Int, _ name: ModelName, _ version: ModelVersion, _ tenant: TenantID?
    ) async throws(ServingError) {
        guard let governor = governor() else { return }
        let residents = engine.residents
        let victims = governor.victims(for: byteCount, of: tenant, residents: residents) { resident in
            (resident.name, resident.version) != (name, version)
                && table.folder(ofServed: resident.name, resident.version) != nil
        }
        guard let victims else {
            let used = residents.reduce(0) { $0 + $1.byteCount }
            throw ServingError(
                .resourceExhausted,
                "model '\(name)' needs \(byteCount) bytes, but others hold \(used) of the \(governor.byteCountMax) "
                    + "that memory.limit allows, and too few of them may be unloaded", label: "memory_exhausted",
                retryAdvice: .after(nanoseconds: 1_000_000_000))
        }
        for victim in victims {
            // One that is not there any more is as gone as it should be.
            try? await engine.rest(victim.name, victim.version)
            observe(.rested(victim.name, victim.version, byteCount: victim.byteCount, for: name))
        }
    }
}

extension ModelFolder {
    /// Bytes of the files of a version, from which what it takes in memory is guessed before it was ever loaded.
    func byteCount(of version: ModelVersion) -> Int { versions[version]?.byteCount ?? 0 }
}
