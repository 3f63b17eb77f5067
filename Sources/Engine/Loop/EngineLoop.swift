import Compute
import Models
import Scheduling
import TextModels
import Vocabulary

/// The engine thread's story: take what callers ask for, run one step of the model whose turn it is, again.
///
/// It owns everything that computes: the runners with their schedulers and caches, and the compute gang. A step is
/// never interrupted; cancellations, deadlines and new requests count from the next one on.
///
/// - Isolation: engine thread only.
final class EngineLoop {
    private let mailbox: Mailbox<EngineMessage>
    private let clock: any MonotonicClock
    private let gang: ComputeGang
    private let service: ServiceNote
    private var runners: [(model: LoadedModel, runner: any ModelRunner)] = []
    private var turns = FairShare<ObjectIdentifier>()
    /// One for all models, so that a tenant that floods one of them has less of the others too.
    private let accounts: ComputeAccounts
    /// Models that go once they have answered what they have.
    private var leaving: [(model: LoadedModel, until: MonotonicTime, completion: Completion<Void>)] = []
    private var stopping: Completion<Void>?

    init(
        mailbox: Mailbox<EngineMessage>, clock: any MonotonicClock, threadCount: Int, report: FairnessReport,
        service: ServiceNote
    ) {
        self.mailbox = mailbox
        self.clock = clock
        self.service = service
        accounts = ComputeAccounts(clock: clock, report: report)
        gang = ComputeGang(threadCount: threadCount)
    }

    /// Runs until it is told to stop; then answers what is left.
    func run() {
        var timeoutNanoseconds: UInt64? = 0
        while stopping == nil {
            // The message to stop is the last one there is.
            for message in mailbox.receive(timeoutNanoseconds: timeoutNanoseconds) { handle(message) }
            guard stopping == nil else { break }
            removeLeaving()
            if runOneStep() {
                timeoutNanoseconds = 0
            } else {
                accounts.rest()
                timeoutNanoseconds = idleNanoseconds()
            }
        }
        for entry in runners { entry.runner.stop(with: .engineStopped) }
        runners = []
        for entry in leaving { entry.completion.complete(()) }
        stopping?.complete(())
    }

    /// Lets the model whose turn it is work; false when none has anything to do.
    private func runOneStep() -> Bool {
        let start = clock.now()
        let ready = runners.filter { $0.runner.readiness(at: start) == .ready }
        guard !ready.isEmpty else { return false }
        accounts.beginTurn(at: start)
        func entry(_ key: ObjectIdentifier) -> (model: LoadedModel, runner: any ModelRunner)? {
            ready.first { ObjectIdentifier($0.model) == key }
        }
        let turn = turns.pick(from: ready.map { ObjectIdentifier($0.model) }) { entry($0)?.runner.rank(at: start) }
        guard let turn, let runner = entry(turn)?.runner else { return false }
        service.note()
        runner.step(on: gang, clock: clock)
        turns.charge(turn, nanoseconds: clock.now().nanoseconds(since: start))
        return true
    }

    /// How long nothing happens unless a message comes; nil for ever.
    private func idleNanoseconds() -> UInt64? {
        let now = clock.now()
        let times = runners.compactMap { entry in
            switch entry.runner.readiness(at: now) {
            case .ready: now
            case .waiting(let until): until
            case .idle: nil
            }
        }
        return (times + leaving.map(\.until)).min().map { $0.nanoseconds(since: now) }
    }

    private func handle(_ message: EngineMessage) {
        switch message {
        case .infer(let model, let request): infer(model, request)
        case .run(let model, let sequences): run(model, sequences)
        case .cancel(let model, let ticket): runner(of: model)?.cancel(ticket)
        case .resume(let model, let ticket): runner(of: model)?.resume(ticket)
        case .install(let model, let completion): completion.complete(install(model))
        case .remove(let model, let until, let completion): leaving.append((model, until, completion))
        // Whoever let go of a model that is leaving wakes us; what is to be done is looked for after every message.
        case .letGo: break
        case .stop(let completion): stopping = completion
        }
    }

    private func runner(of model: LoadedModel) -> (any ModelRunner)? {
        runners.first { $0.model === model }?.runner
    }

    /// A model whose time to leave was over may still be sent something by who held it: it is gone, the engine goes on.
    private func infer(_ model: LoadedModel, _ request: PendingInference) {
        guard let runner = runner(of: model) as? BatchRunner else {
            if request.completion.complete(.failure(model.notReady)) { model.count { $0.failureCount += 1 } }
            return model.leaveQueue([request.place])
        }
        runner.enqueue(request)
    }

    private func run(_ model: LoadedModel, _ sequences: [PendingSequence]) {
        guard let runner = runner(of: model) as? TokenRunner else {
            let failed = sequences.filter { $0.fail(model.notReady) }.count
            model.count { $0.failureCount += UInt64(failed) }
            return model.leaveQueue(sequences.map(\.place))
        }
        for sequence in sequences { runner.enqueue(sequence) }
    }

    /// Makes the runner of a model that was prepared.
    private func install(_ loaded: LoadedModel) -> Result<Void, ServingError> {
        do {
            switch loaded.kind {
            case .batch(let model, let limits):
                runners.append((loaded, BatchRunner(loaded, model: model, limits: limits, accounts: accounts)))
            case .text(let pipeline, let limits):
                runners.append(
                    (loaded, try TokenRunner(loaded, pipeline: pipeline, limits: limits, accounts: accounts)))
            case .encoder(let pipeline, let limits):
                runners.append((loaded, BatchRunner(loaded, model: pipeline.model, limits: limits, accounts: accounts)))
            case .resting: break
            }
            return .success(())
        } catch {
            return .failure(loaded.warmUpFailure(error))
        }
    }

    /// Removes the models that were asked to go and have nothing left to answer, or no time.
    ///
    /// A request has its place in the queue before it is sent, so a model without any has none on its way either.
    private func removeLeaving() {
        guard !leaving.isEmpty else { return }
        let now = clock.now()
        let due = leaving.filter { $0.until <= now || $0.model.isIdle }
        leaving.removeAll { entry in due.contains { $0.completion === entry.completion } }
        for entry in due { remove(entry.model, entry.completion) }
    }

    private func remove(_ model: LoadedModel, _ completion: Completion<Void>) {
        if let index = runners.firstIndex(where: { $0.model === model }) {
            let entry = runners.remove(at: index)
            turns.remove(ObjectIdentifier(model))
            entry.runner.stop(with: model.notReady)
        }
        completion.complete(())
    }
}
