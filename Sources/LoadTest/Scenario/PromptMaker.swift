/// Makes texts of random words: the same ones for the same seed.
struct PromptMaker {
    private static let words = """
        a about after again all and another any away back before began but came castle child city cold come dark \
        day did door down each evening every eyes far father fire first forest found from garden girl give go \
        gold good great green had hand he head heard heart her here him his home horse house if in into it king \
        know land last leave light little live long look made man many morning mother mountain my never new \
        night no not now of old on once one only or other out over people place queen rain red river road room \
        said saw sea she ship silver sister sky small so some son soon stone story sun table take tell that the \
        their them then there they thing this though through time to together told took tree under until up upon \
        very village wait walk water way well went were what when where white who wind window winter with woman \
        wood word world would year young your
        """.split(separator: " ").map(String.init)

    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// The next text of a source; `index` counts those that are given.
    mutating func text(_ source: TextSource, index: Int) -> String {
        switch source {
        case .given(let texts): return texts[index % texts.count]
        case .words(let lengths, let prefix):
            let count = length(lengths)
            let words = (0..<count).map { _ in Self.words[Int.random(in: 0..<Self.words.count, using: &generator)] }
            return ([prefix].filter { !$0.isEmpty } + words).joined(separator: " ")
        }
    }

    mutating func length(_ lengths: LengthDistribution) -> Int { lengths.sample(&generator) }

    mutating func node(below count: UInt32) -> UInt32 { UInt32.random(in: 0..<count, using: &generator) }
}
