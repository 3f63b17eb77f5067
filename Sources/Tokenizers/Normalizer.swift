/// What is done to a text before it is cut into words; text is valid UTF-8 throughout.
enum Normalizer: Sendable {
    /// Puts a text in front of every text that is not empty.
    case prepend([UInt8])
    /// Replaces every match.
    case replace(WordPattern, by: [UInt8])
    case form(UnicodeForm)
    case lowercase
    /// Drops combining marks.
    case stripAccents
    /// Drops white space at the ends.
    case strip(left: Bool, right: Bool)
    /// Drops control characters and makes unusual spaces usual, as SentencePiece's NMT rules do.
    case nmt
    case bert(cleansText: Bool, separatesChinese: Bool, stripsAccents: Bool, lowercases: Bool)
    case charsMap(CharsMap, CharsMap.Matching)
    /// What SentencePiece does to white space.
    case sentencePieceSpaces(removesExtra: Bool)

    func callAsFunction<Text: StepText>(_ text: Text) -> Text {
        switch self {
        case .prepend(let prefix): return prepending(prefix, to: text)
        case .replace(let pattern, let replacement): return replacing(pattern, in: text, by: replacement)
        case .form(let form): return form(text)
        case .lowercase: return lowercased(text)
        case .stripAccents: return text.filtered { ScalarClasses.bits($0) & ScalarClasses.marks == 0 }
        case .strip(let left, let right): return stripped(text, left: left, right: right)
        case .nmt: return withUsualSpaces(text)
        case .bert(let cleansText, let separatesChinese, let stripsAccents, let lowercases):
            var text = cleansText ? cleaned(text) : text
            if separatesChinese { text = withSpacesAroundChinese(text) }
            if stripsAccents {
                text = UnicodeForm.nfd(text).filtered { ScalarClasses.bits($0) & ScalarClasses.masks["Mn"]! == 0 }
            }
            return lowercases ? lowercased(text) : text
        case .charsMap(let map, let matching): return map.normalize(text, matching)
        case .sentencePieceSpaces(let removesExtra): return removesExtra ? withoutExtraSpaces(text) : text
        }
    }
}

/// The prefix stands for the first scalar, whatever that is.
private func prepending<Text: StepText>(_ prefix: [UInt8], to text: Text) -> Text {
    let bytes = text.bytes
    guard !bytes.isEmpty else { return text }
    var result = Text()
    result.reserveCapacity(bytes.count + prefix.count)
    result.append(prefix, for: 0..<decodeScalar(bytes, at: 0).count, of: text)
    result.append(0..<bytes.count, of: text)
    return result
}

/// The replacement stands for the last scalar of a match.
private func replacing<Text: StepText>(_ pattern: WordPattern, in text: Text, by replacement: [UInt8]) -> Text {
    let bytes = text.bytes
    var result = Text()
    result.reserveCapacity(bytes.count + 16)
    pattern.forEachPiece(in: bytes, 0..<bytes.count) { piece, isMatch in
        if isMatch {
            result.append(replacement, for: startOfScalar(bytes, before: piece.upperBound)..<piece.upperBound, of: text)
        } else {
            result.append(piece, of: text)
        }
    }
    return result
}

private func lowercased<Text: StepText>(_ text: Text) -> Text {
    text.mapped { scalar, result in
        if scalar.isASCII {
            let byte = UInt8(scalar.value)
            result.append((0x41...0x5A).contains(byte) ? byte + 32 : byte)
        } else {
            result.append(scalar.properties.lowercaseMapping.utf8)
        }
    }
}

private func isSpace(_ scalar: Unicode.Scalar) -> Bool { ScalarClasses.bits(scalar) & ScalarClasses.spaceBit != 0 }

private func stripped<Text: StepText>(_ text: Text, left: Bool, right: Bool) -> Text {
    let bytes = text.bytes
    var start = 0
    var end = bytes.count
    while left, start < end {
        let (scalar, count) = decodeScalar(bytes, at: start)
        guard isSpace(scalar) else { break }
        start += count
    }
    while right, end > start {
        let last = startOfScalar(bytes, before: end)
        guard isSpace(decodeScalar(bytes, at: last).scalar) else { break }
        end = last
    }
    var result = Text()
    result.append(start..<end, of: text)
    return result
}

/// - Source: the rules of `nmt_nfkc` in SentencePiece's documentation of normalisation.
private func withUsualSpaces<Text: StepText>(_ text: Text) -> Text {
    text.mapped { scalar, result in
        switch scalar.value {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
            result.append(0x20)
        default: result.keep()
        }
    }
}

/// Drops control characters and writes every white space as a space.
private func cleaned<Text: StepText>(_ text: Text) -> Text {
    text.mapped { scalar, result in
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: result.append(0x20)
        case 0, 0xFFFD: break
        default:
            let bits = ScalarClasses.bits(scalar)
            if bits & ScalarClasses.controls != 0 { break }
            if bits & ScalarClasses.spaceBit != 0 { result.append(0x20) } else { result.keep() }
        }
    }
}

/// - Source: the blocks that the reference implementation of BERT calls Chinese.
private func withSpacesAroundChinese<Text: StepText>(_ text: Text) -> Text {
    text.mapped { scalar, result in
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            result.append(0x20)
            result.keep()
            result.append(0x20)
        default: result.keep()
        }
    }
}

/// No spaces at the ends and only one between words.
private func withoutExtraSpaces<Text: StepText>(_ text: Text) -> Text {
    let bytes = text.bytes
    var isBehindSpace = true
    let single = text.mapped { scalar, result in
        let isSpace = scalar == " "
        if !isSpace || !isBehindSpace { result.keep() }
        isBehindSpace = isSpace
    }
    // At the end a mark of space counts as one.
    let kept = single.bytes
    var end = kept.count
    while end > 0, kept[end - 1] == 0x20 || kept[..<end].suffix(3).elementsEqual(VocabularyParts.spaceMark) {
        end -= kept[end - 1] == 0x20 ? 1 : 3
    }
    guard end < kept.count || kept.count < bytes.count else { return text }
    var result = Text()
    result.append(0..<end, of: single)
    return result
}
