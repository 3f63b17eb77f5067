// Tests of Tokenizers.
