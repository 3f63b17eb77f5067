import TestSupport
import Testing

@testable import ApusServer

private typealias Event = LinkState.Event
private typealias Action = LinkState.Action

private func answered(_ line: Int) -> Event { .answered(line: line, models: "digits") }

/// The call of a line ends; by default after long.
private func ended(_ line: Int, heard: UInt64 = 60_000_000_000) -> Event {
    .ended(line: line, reason: "lost", heardNanoseconds: heard)
}

private let isThere = Action.tell(.isThere(models: "digits"))
private let lost = Action.lose(reason: "lost")

private func pause(_ line: Int) -> Action { .pause(line: line, nanoseconds: LinkState.pauseNanoseconds) }
private func doubt(_ number: Int) -> Action { .doubt(number: number, nanoseconds: LinkState.doubtNanoseconds) }

/// What the link of a row has been through before its last event.
private struct Row: CustomTestStringConvertible {
    let story: String
    let events: [Event]
    let actions: [Action]

    init(_ story: String, _ events: [Event], _ actions: [Action]) {
        self.story = story
        self.events = events
        self.actions = actions
    }

    var testDescription: String { story }
}

private let silence = "it says nothing"
private let rows = [
    Row("a shard answers", [answered(0)], [isThere]),
    Row("a shard answers again", [answered(0), answered(0)], []),
    Row("nobody answers", [ended(0, heard: 0)], [pause(0)]),
    Row("the pause is over", [ended(0, heard: 0), .paused(line: 0)], [.listen(line: 0)]),
    Row(
        "nothing comes from one that was never there", [.silent(line: 0)],
        [.open(line: 1), .replace(old: 0, new: 1), .close(line: 0), .listen(line: 1)]),
    Row("the pause of a line that is none any more", [.silent(line: 0), .paused(line: 0)], []),

    Row("a connection is lost", [answered(0), ended(0)], [doubt(1), .listen(line: 0)]),
    Row("and the shard answers on the next one", [answered(0), ended(0), answered(0)], [.reconnect]),
    Row("and the time for a doubt ends later", [answered(0), ended(0), answered(0), .doubted(number: 1)], []),
    Row("and the next one fails", [answered(0), ended(0), ended(0, heard: 0)], [lost, pause(0)]),
    Row("and nothing is heard soon", [answered(0), ended(0), .doubted(number: 1)], [lost]),
    Row("and it answers late", [answered(0), ended(0), .doubted(number: 1), answered(0)], [isThere]),
    Row("and the late one fails", [answered(0), ended(0), .doubted(number: 1), ended(0, heard: 0)], [pause(0)]),
    Row(
        "a second doubt is not ended by the time of the first",
        [answered(0), ended(0), answered(0), ended(0), .doubted(number: 1)], []),
    Row("a shard ends the call at once", [answered(0), ended(0, heard: 1)], [lost, pause(0)]),

    Row(
        "a shard drains", [answered(0), .drained(line: 0)], [.lose(reason: "it drains"), pause(0)]),
    Row(
        "a shard falls silent", [answered(0), .silent(line: 0)],
        [.lose(reason: silence), .open(line: 1), .replace(old: 0, new: 1), .close(line: 0), .listen(line: 1)]),
    Row("and answers on a new line", [answered(0), .silent(line: 0), answered(1)], [isThere]),
    Row("and the old line says something late", [answered(0), .silent(line: 0), answered(0)], []),

    Row("a new certificate", [answered(0), .renewed], [.open(line: 1), .listen(line: 1)]),
    Row(
        "is taken", [answered(0), .renewed, answered(1)],
        [.replace(old: 0, new: 1), .retire(line: 0), .tell(.tookCertificate)]),
    Row(
        "is not taken", [answered(0), .renewed, ended(1, heard: 0)],
        [.close(line: 1), .tell(.refusedCertificate(reason: "lost"))]),
    Row(
        "is met with silence", [answered(0), .renewed, .silent(line: 1)],
        [.close(line: 1), .tell(.refusedCertificate(reason: silence))]),
    Row("the old line is listened to meanwhile", [answered(0), .renewed, answered(0)], []),
    Row(
        "another one comes before an answer", [answered(0), .renewed, .renewed],
        [.close(line: 1), .open(line: 2), .listen(line: 2)]),
    Row("the end of a line that was closed", [answered(0), .renewed, .renewed, ended(1, heard: 0)], []),
    // What the directory is told to replace is what it has: the line before, not the first one.
    Row(
        "the line of a renewed certificate falls silent", [answered(0), .renewed, answered(1), .silent(line: 1)],
        [.lose(reason: silence), .open(line: 2), .replace(old: 1, new: 2), .close(line: 1), .listen(line: 2)]),
    Row(
        "the line of a renewed certificate is renewed", [answered(0), .renewed, answered(1), .renewed, answered(2)],
        [.replace(old: 1, new: 2), .retire(line: 1), .tell(.tookCertificate)]),
    Row(
        "the old line falls silent before the candidate answers", [answered(0), .renewed, .silent(line: 0)],
        [.lose(reason: silence), .replace(old: 0, new: 1), .close(line: 0)]),
    Row("and then it does", [answered(0), .renewed, .silent(line: 0), answered(1)], [isThere]),
    Row(
        "the old line is lost, and the candidate answers", [answered(0), .renewed, ended(0), answered(1)],
        [.replace(old: 0, new: 1), .retire(line: 0), .tell(.tookCertificate), .reconnect]),
    Row("a new certificate while the shard is away", [.renewed], []),
    Row(
        "is tried when it is back: its connection may have begun before", [.renewed, answered(0)],
        [isThere, .open(line: 1), .listen(line: 1)]),

    Row("the end of the link", [answered(0), .cancelled], [.retire(line: 0)]),
    Row("with a candidate", [answered(0), .renewed, .cancelled], [.retire(line: 0), .close(line: 1)]),
]

@Suite("What a link to a shard does next")
struct LinkStateTests {
    @Test("is what each event asks for", arguments: rows)
    fileprivate func table(_ row: Row) {
        var state = LinkState()
        var last: [Action] = []
        for event in row.events { last = state.handle(event) }
        #expect(last == row.actions)
    }

    @Test("whatever happens, calls go to a line that is open, each line is listened to once, and none is left over")
    func walk() {
        for seed in UInt64(0)..<200 {
            var walk = LinkWalk(seed: seed)
            for _ in 0..<200 { walk.step() }
            walk.end()
        }
    }
}

/// A link whose events come at random, and that does what it is told.
private struct LinkWalk {
    private var random: SeededGenerator
    private var state = LinkState()
    private var open: Set<Int> = [0]
    private var listening: Set<Int> = [0]
    private var pauses: [Int] = []
    private var doubts: [Int] = []
    /// The line that the directory has.
    private var known = 0
    private var isThere = false

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func step() {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: handle(.renewed)
        case 1 where !pauses.isEmpty: handle(.paused(line: pauses.removeFirst()))
        case 2 where !doubts.isEmpty: handle(.doubted(number: doubts.removeFirst()))
        case 3...5: if let line = listening.sorted().randomElement(using: &random) { handle(answered(line)) }
        default:
            guard let line = listening.sorted().randomElement(using: &random) else { return }
            listening.remove(line)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: handle(.silent(line: line))
            case 1: handle(.drained(line: line))
            case 2: handle(ended(line, heard: 1))
            default: handle(ended(line, heard: Bool.random(using: &random) ? 0 : 60_000_000_000))
            }
        }
    }

    mutating func end() {
        handle(.cancelled)
        #expect(open.isEmpty && listening.isEmpty)
    }

    private mutating func handle(_ event: Event) {
        for action in state.handle(event) { perform(action) }
        #expect(event == .cancelled || open.contains(known) && known == state.current && isThere == state.isThere)
        #expect(open.count <= 2 && listening.isSubset(of: open))
        // Somebody listens, or will.
        #expect(event == .cancelled || listening.contains(known) || pauses.contains(known))
    }

    private mutating func perform(_ action: Action) {
        switch action {
        case .open(let line): #expect(open.insert(line).inserted)
        case .listen(let line): #expect(open.contains(line) && listening.insert(line).inserted)
        case .replace(let old, let new):
            #expect(known == old && open.contains(new) && open.contains(old))
            known = new
        case .close(let line), .retire(let line):
            #expect(open.remove(line) != nil)
            listening.remove(line)
        case .pause(let line, _): pauses.append(line)
        case .doubt(let number, _): doubts.append(number)
        case .lose:
            #expect(isThere)
            isThere = false
        case .tell(.isThere):
            #expect(!isThere)
            isThere = true
        case .reconnect: #expect(isThere)
        case .tell: break
        }
    }
}
