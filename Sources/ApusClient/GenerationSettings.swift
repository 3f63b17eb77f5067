/// How a text is to go on.
public struct GenerationSettings: Hashable, Sendable {
    /// The most tokens to generate, at least 1; nil leaves it to the model's configuration.
    public var tokenCountMax: Int?
    /// 0 always takes the likeliest token; higher values, up to 10, spread the choice; nil means 0.
    public var temperature: Float?
    /// Chooses among this many likeliest tokens only; nil or 0 among all.
    public var topK: Int?
    /// Chooses among the likeliest tokens that together reach this probability, above 0; nil or 1 among all.
    public var topP: Float?
    /// Chooses among tokens at least this share as likely as the likeliest one only, up to 1; nil or 0 among all.
    public var minP: Float?
    /// Makes tokens of prompt and text less likely: above 1, up to 10; below 1 it favours them; nil or 1 changes
    /// nothing.
    public var repetitionPenalty: Float?
    /// Taken from the logit of every token that is in the text already, from -2 to 2; nil means 0.
    public var presencePenalty: Float?
    /// Taken from the logit of every token as often as it is in the text already, from -2 to 2; nil means 0.
    public var frequencyPenalty: Float?
    /// Added to the logits of single tokens, by id, from -100 to 100.
    public var logitBiases: [Int: Float] = [:]
    /// Begins the sequence of random choices: the same seed, the same text; nil is different every time.
    public var seed: UInt64?
    /// Texts that end the generation where they would appear; none may be empty.
    public var stopTexts: [String] = []
    /// Tokens that end the generation as the model's own end does, by id.
    public var stopTokens: [Int] = []
    /// How many of the likeliest tokens come along with each token and its probability, up to 20; nil for none of it.
    public var logprobCount: Int?
    /// How many different answers to give, up to 16; nil means 1.
    public var answerCount: Int?
    /// What the text has to look like; nil for whatever the model likes.
    public var constraint: TextConstraint?
    /// Keeps cached prompts of the same tenant apart: a prompt is found again only by calls with the same salt.
    public var cacheSalt = ""
    /// Whether to go on past the token that ends a text: for measurements of equal length.
    public var ignoresEndOfText = false

    /// As the model is configured.
    public init() {}
}

/// What a text has to look like; it ends only where it is complete.
public enum TextConstraint: Hashable, Sendable {
    /// The whole text matches this regular expression: of ECMAScript's syntax what needs no look-around, no back
    /// references and no flags.
    case regex(String)
    /// The text is one of these.
    case choices([String])
    /// The text is JSON that is valid against this JSON Schema; a keyword that is not supported is an error.
    case jsonSchema(String)
    /// The text is JSON.
    case json
}
