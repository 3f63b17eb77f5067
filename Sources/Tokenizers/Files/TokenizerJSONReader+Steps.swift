import ModelFiles

/// The steps around the model.
extension TokenizerJSONReader {
    func normalizers() throws(TokenizerError) -> [Normalizer] {
        var result: [Normalizer] = []
        for step in try steps(of: json["normalizer"], list: "normalizers", "normalizer") {
            result.append(try normalizer(step))
        }
        return result
    }

    private func normalizer(_ step: JSONValue) throws(TokenizerError) -> Normalizer {
        let type = step["type"]?.string ?? ""
        if let form = UnicodeForm(rawValue: type) { return .form(form) }
        switch type {
        case "Prepend":
            guard let prefix = step["prepend"]?.string else { throw malformed("normalizer Prepend without prepend") }
            return .prepend(Array(prefix.utf8))
        case "Replace":
            guard let content = step["content"]?.string else { throw malformed("normalizer Replace without content") }
            return .replace(try pattern(step, "normalizer"), by: Array(content.utf8))
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Nmt": return .nmt
        case "Strip": return .strip(left: step["strip_left"]?.bool ?? true, right: step["strip_right"]?.bool ?? true)
        case "BertNormalizer":
            let lowercases = step["lowercase"]?.bool ?? true
            return .bert(
                cleansText: step["clean_text"]?.bool ?? true,
                separatesChinese: step["handle_chinese_chars"]?.bool ?? true,
                stripsAccents: step["strip_accents"]?.bool ?? lowercases, lowercases: lowercases)
        case "Precompiled":
            guard let text = step["precompiled_charsmap"]?.string, let blob = Base64.decode(text),
                let map = CharsMap(blob)
            else { throw malformed("normalizer Precompiled: precompiled_charsmap is malformed") }
            return .charsMap(map, .graphemes)
        default: throw unsupported("normalizer \"\(type)\"")
        }
    }

    func pattern(_ step: JSONValue, _ field: String) throws(TokenizerError) -> WordPattern {
        do {
            if let text = step["pattern"]?["Regex"]?.string { return try WordPattern(text) }
            if let text = step["pattern"]?["String"]?.string { return WordPattern(literal: text) }
        } catch {
            throw unsupported("\(field) pattern \"\(step["pattern"]?["Regex"]?.string ?? "")\" with \(error.construct)")
        }
        throw malformed("\(field): a step without pattern")
    }

    func preTokenizers() throws(TokenizerError) -> [PreTokenizer] {
        var result: [PreTokenizer] = []
        for step in try steps(of: json["pre_tokenizer"], list: "pretokenizers", "pre_tokenizer") {
            result.append(try preTokenizer(step))
        }
        return result
    }

    private func preTokenizer(_ step: JSONValue) throws(TokenizerError) -> PreTokenizer {
        switch step["type"]?.string ?? "" {
        case "ByteLevel":
            return .byteLevel(
                addsPrefixSpace: step["add_prefix_space"]?.bool ?? true,
                pattern: step["use_regex"]?.bool ?? true ? KnownCuts.pattern(PreTokenizer.gpt2Pattern) : nil)
        case "Split":
            return .split(
                try pattern(step, "pre_tokenizer"), try behavior(step), inverts: step["invert"]?.bool ?? false)
        case "Digits":
            let isIndividual = step["individual_digits"]?.bool ?? false
            return .split(
                KnownCuts.pattern(#"\p{N}"#), isIndividual ? .isolated : .contiguous, inverts: false)
        case "Punctuation":
            return .split(KnownCuts.pattern(#"[\p{P}!-/:-@\[-`{-~]"#), try behavior(step), inverts: false)
        case "Whitespace": return .split(KnownCuts.pattern(#"\w+|[^\w\s]+"#), .removed, inverts: true)
        case "WhitespaceSplit": return .split(KnownCuts.pattern(#"\s"#), .removed, inverts: false)
        case "BertPreTokenizer": return .bert
        case "Metaspace":
            let replacement = step["replacement"]?.string ?? "\u{2581}"
            let scheme = step["prepend_scheme"]?.string ?? (step["add_prefix_space"]?.bool ?? true ? "always" : "never")
            guard let scheme = PreTokenizer.PrependScheme(rawValue: scheme), !replacement.isEmpty else {
                throw malformed("pre_tokenizer Metaspace: prepend_scheme or replacement")
            }
            return .metaspace(
                replacement: Array(replacement.utf8), scheme, splits: step["split"]?.bool ?? true)
        case let type: throw unsupported("pre_tokenizer \"\(type)\"")
        }
    }

    private func behavior(_ step: JSONValue) throws(TokenizerError) -> PreTokenizer.Behavior {
        let name = step["behavior"]?.string ?? "Isolated"
        guard let behavior = PreTokenizer.Behavior(rawValue: name) else {
            throw unsupported("pre_tokenizer behavior \"\(name)\"")
        }
        return behavior
    }

    func decoding() throws(TokenizerError) -> TokenTextRule {
        var rule = TokenTextRule()
        for step in try steps(of: json["decoder"], list: "decoders", "decoder") {
            switch step["type"]?.string ?? "" {
            case "ByteLevel": rule.kind = .byteLevel
            case "WordPiece":
                rule.kind = .wordPiece(
                    prefix: Array((step["prefix"]?.string ?? "##").utf8), cleansUp: step["cleanup"]?.bool ?? true)
                rule.leadingSpaceCount = 1
            case "ByteFallback": rule.fallsBackToBytes = true
            case "Fuse": break  // Pieces are always joined.
            case "Metaspace":
                let replacement = step["replacement"]?.string ?? "\u{2581}"
                rule.replacements.append(.replace(WordPattern(literal: replacement), by: [0x20]))
                let scheme = step["prepend_scheme"]?.string
                rule.leadingSpaceCount = scheme == "never" || step["add_prefix_space"]?.bool == false ? 0 : 1
            case "Replace":
                guard let content = step["content"]?.string else { throw malformed("decoder Replace without content") }
                rule.replacements.append(.replace(try pattern(step, "decoder"), by: Array(content.utf8)))
            case "Strip":
                guard step["content"]?.string == " ", step["stop"]?.int ?? 0 == 0, let start = step["start"]?.int,
                    start >= 0
                else { throw unsupported("decoder \"Strip\" of anything but leading spaces") }
                rule.leadingSpaceCount = start
            case let type: throw unsupported("decoder \"\(type)\"")
            }
        }
        return rule
    }
}

/// - Source: RFC 4648, section 4.
enum Base64 {
    /// The bytes that `text` stands for; nil where it is not base 64.
    static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8
            switch byte {
            case 0x41...0x5A: value = byte - 0x41
            case 0x61...0x7A: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        return result
    }
}
