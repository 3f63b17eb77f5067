import ApusClient
import Foundation

/// Prints what a language model writes: one answer as it comes, several one after the other at the end.
final class TextWriter {
    /// What is printed before each answer.
    ///
    /// It waits for the first piece: a call that fails at once prints nothing but the error.
    private let opening: String
    private let holdsBack: Bool
    private var hasBegun = false
    private var answers: [Int: String] = [:]
    private var logprobs: [(answer: Int, TextPiece.TokenLogprobs)] = []
    private var ends: [Int: TextPiece.End] = [:]

    init(opening: String, holdsBack: Bool) {
        self.opening = opening
        self.holdsBack = holdsBack
    }

    func write(_ piece: TextPiece) {
        logprobs += piece.logprobs.map { (piece.answer, $0) }
        if let end = piece.end { ends[piece.answer] = end }
        if holdsBack {
            answers[piece.answer, default: opening] += piece.text
        } else {
            Console.write((hasBegun ? "" : opening) + piece.text)
        }
        hasBegun = true
    }

    /// Ends the line that an error has interrupted.
    func breakOff() {
        if hasBegun, !holdsBack { Console.write("\n") }
    }

    func finish() {
        if !holdsBack { Console.write("\n") }
        for (answer, text) in answers.sorted(by: { $0.key < $1.key }) {
            Console.write("--- answer \(answer) ---\n\(text)\n")
        }
        for (answer, token) in logprobs.sorted(by: { $0.answer < $1.answer }) {
            let others = token.top.map(Self.describe).joined(separator: "  ")
            Console.write((holdsBack ? "\(answer)  " : "") + "\(Self.describe(token.chosen))   \(others)\n")
        }
        guard Console.isErrorTerminal else { return }
        for (_, end) in ends.sorted(by: { $0.key < $1.key }) { Console.note(Self.describe(end)) }
    }

    private static func describe(_ entry: TextPiece.Logprob) -> String {
        String(format: "%d %.2f%%", entry.token, 100 * exp(Double(entry.logprob)))
    }

    private static func describe(_ end: TextPiece.End) -> String {
        let reason =
            switch end.reason {
            case .endOfText: "the text ended"
            case .stopText: "a stop text came"
            case .tokenCountMax: "as many tokens as allowed"
            case .contextFull: "the model's context is full"
            case .other(let number): "reason \(number)"
            }
        guard let usage = end.usage else { return "[\(reason)]" }
        let seconds = usage.computeTime / .seconds(1)
        let rate = seconds > 0 ? String(format: ", %.0f tokens/s", Double(usage.generatedTokenCount) / seconds) : ""
        let cached = usage.cachedTokenCount > 0 ? " (\(usage.cachedTokenCount) cached)" : ""
        return "[\(reason); \(usage.promptTokenCount) tokens in\(cached), \(usage.generatedTokenCount) out\(rate)]"
    }
}
