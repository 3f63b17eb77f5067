package import ModelFiles
import Vocabulary

extension GGUFVocabulary {
    /// Reads the `tokenizer.ggml.…` keys of a file.
    ///
    /// - Throws: `ModelFileError` naming the key that is missing or of another type.
    package init(_ file: GGUFFile) throws(ModelFileError) {
        let keys = VocabularyKeys(file: file)
        guard let model = try keys.text("model") else {
            throw file.keyError(VocabularyKeys.prefix + "model", "is missing: the file has no vocabulary")
        }
        self.init(model: model, tokens: try keys.texts("tokens"))
        preTokenizer = try keys.text("pre")
        scores = try keys.list("scores", "numbers", \.floats) ?? []
        types = try keys.integers("token_type").map { Int32(truncatingIfNeeded: $0) }
        merges = try keys.texts("merges")
        beginToken = try keys.token("bos_token_id")
        endToken = try keys.token("eos_token_id")
        unknownToken = try keys.token("unknown_token_id")
        classToken = try keys.token("cls_token_id")
        // So it is written in files and in the specification.
        separatorToken = try keys.token("seperator_token_id")
        paddingToken = try keys.token("padding_token_id")
        maskToken = try keys.token("mask_token_id")
        if case .string("bert")? = file.value("general.architecture") { isOfEncoder = true }
        addsBegin = try keys.flag("add_bos_token")
        addsEnd = try keys.flag("add_eos_token")
        addsSpacePrefix = try keys.flag("add_space_prefix")
        removesExtraSpaces = try keys.flag("remove_extra_whitespaces")
        lowercases = try keys.flag("normalizer.lowercase")
        stripsAccents = try keys.flag("normalizer.strip_accents")
        charsMap = try keys.integers("precompiled_charsmap").map { UInt8(truncatingIfNeeded: $0) }
    }
}

/// The keys of a vocabulary by their last words, each with the type it must have.
private struct VocabularyKeys {
    static let prefix = "tokenizer.ggml."

    let file: GGUFFile

    func text(_ key: String) throws(ModelFileError) -> String? {
        switch file.value(Self.prefix + key) {
        case nil: return nil
        case .string(let text)?: return text
        case let other?: throw file.keyError(Self.prefix + key, "expected a text, got \(other.summary)")
        }
    }

    func token(_ key: String) throws(ModelFileError) -> Int32? {
        switch file.value(Self.prefix + key) {
        case nil: return nil
        case .integer(let id)? where Int32(exactly: id) != nil: return Int32(id)
        // Without a token some writers put the largest 32-bit number.
        case .integer(Int64(UInt32.max))?: return nil
        case let other?: throw file.keyError(Self.prefix + key, "expected a token, got \(other.summary)")
        }
    }

    func flag(_ key: String) throws(ModelFileError) -> Bool? {
        switch file.value(Self.prefix + key) {
        case nil: return nil
        case .bool(let isSet)?: return isSet
        case let other?: throw file.keyError(Self.prefix + key, "expected true or false, got \(other.summary)")
        }
    }

    /// The elements of a list; nil where there is none.
    func list<Element>(
        _ key: String, _ kind: String, _ elements: (GGUFArray) -> [Element]?
    ) throws(ModelFileError) -> [Element]? {
        guard let value = file.value(Self.prefix + key) else { return nil }
        guard case .array(let array) = value, let list = elements(array) else {
            throw file.keyError(Self.prefix + key, "expected a list of \(kind), got \(value.summary)")
        }
        return list
    }

    func integers(_ key: String) throws(ModelFileError) -> [Int64] {
        try list(key, "whole numbers", \.integers) ?? []
    }

    func texts(_ key: String) throws(ModelFileError) -> [String] {
        var texts: [String] = []
        for (index, bytes) in (try list(key, "texts", \.strings) ?? []).enumerated() {
            guard let text = bytes.utf8String else {
                throw file.keyError(Self.prefix + key, "[\(index)] is not UTF-8")
            }
            texts.append(text)
        }
        return texts
    }
}
