import Routing
import Vocabulary

/// Looking, loading and unloading: what takes as long as the disk and the models do.
extension LiveRepository {
    /// Looks at all repositories, on a thread of its own.
    func look() async -> RepositoryLook {
        // Where callers decide, they may ask for any.
        let counting = control == .explicit ? nil : wanted
        return await onThread(name: "apus-loader", pace: .usual, while: engine.service) {
            [repositories, known = table.repositories] in
            RepositoryLook(repositories, wanted: counting, known: known)
        }
    }

    /// Looks at one model; one that cannot be read counts as such, whatever the repositories behind have.
    func look(_ name: ModelName) async -> ModelRepository.ModelLook {
        await onThread(name: "apus-loader", pace: .usual, while: engine.service) { [repositories] in
            for repository in repositories {
                let look = repository.look(name)
                if look != .gone { return look }
            }
            return .gone
        }
    }

    /// Does what the table says until it says nothing more; gives back what went wrong.
    func catchUp(_ name: ModelName? = nil, on occasion: LoadOccasion) async -> [String] {
        var failures: [String] = []
        while let action = table.next(name) {
            switch action {
            case .load(let folder, let version):
                if let failure = await load(folder, version, on: occasion) { failures.append(failure.detail) }
            case .unload(let name, let version):
                // One that is not there any more is as gone as it should be.
                try? await engine.unload(name: name, version: version)
                table.didUnload(name, version)
                observe(.unloaded(name, version))
            }
        }
        return failures
    }

    /// Loads a version, which goes on being what it was when that fails.
    ///
    /// - Returns: why it could not be loaded; nil when it was.
    func load(_ folder: ModelFolder, _ version: ModelVersion, on occasion: LoadOccasion) async -> LoadFailure? {
        observe(.begins(folder.name, version))
        switch await attempt(folder, version, on: occasion) {
        case .success(let weightByteCount):
            table.didLoad(folder, version)
            observe(.loaded(folder.name, version, repository: folder.repository, weightByteCount: weightByteCount))
            return nil
        case .failure(let failure):
            let isThere = engine.isReady(ModelSelector(name: folder.name, version: version))
            // One that rests and finds no memory rests on, and the next call tries again: nobody else needs to.
            if occasion == .change || occasion == .request || failure.shortage == nil || !isThere {
                table.didFail(folder, version, failure, isGone: !isThere)
            }
            observe(
                .failed(folder.name, version, reason: failure.detail, isServed: table.isServed(folder.name)))
            return failure
        }
    }

    /// Reads a version, makes room for it and has it served; until the last of these nothing has changed for callers.
    ///
    /// - Returns: the bytes of its packed weights, where there are any.
    private func attempt(
        _ folder: ModelFolder, _ version: ModelVersion, on occasion: LoadOccasion
    ) async -> Result<Int?, LoadFailure> {
        do {
            try await makeRoom(for: expectedByteCount(folder, version), folder.name, version, occasion.tenant)
            let pace = engine.pace(of: occasion)
            let read = await onThread(name: "apus-loader", pace: pace, while: engine.service) { [observe] in
                Result { try folder.load(version) { observe(.progresses(folder.name, $0)) } }
            }
            let model = try read.get()
            // How much it takes is known only now.
            try await makeRoom(for: model.residentByteCount, folder.name, version, occasion.tenant)
            try await engine.load(model, on: occasion)
            return .success(model.weightByteCount)
        } catch let shortage as MemoryShortage {
            return .failure(LoadFailure(detail: "\(folder.path): \(shortage.error.message)", shortage: shortage))
        } catch let error as ServingError {
            return .failure(LoadFailure(detail: "\(folder.path): \(error.message)"))
        } catch {
            return .failure(LoadFailure(detail: "\(error)"))
        }
    }
}
