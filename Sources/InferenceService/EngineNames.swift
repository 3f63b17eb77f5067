import Compute
package import Engine
import TextModels

// The engine and the messages have types of the same names; a file that needs both says which one it means.

/// What one request cost, as the engine counts.
package typealias EngineUsage = Usage
/// What has happened to a model, as the engine counts.
typealias EngineCounters = ModelCounters
/// Why a text ended, in the engine's words.
typealias EngineFinishReason = FinishReason
/// How likely a token was, as the sampler says.
typealias EngineTokenLogprobs = TokenLogprobs
/// What the elements of a tensor are; the message of this name is how a model's configuration writes it.
typealias DataType = Compute.DataType
