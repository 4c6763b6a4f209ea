using TeraIO.Core.Residency;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Runtime;

/// <summary>One block on its way out; see <see cref="EngineState.BeginOffload"/>.</summary>
/// <param name="Block">Which.</param>
/// <param name="Version">Of its bytes when it was chosen.</param>
/// <param name="IsCleanCandidate">The store should hold its bytes already; to be compared before anything is written.</param>
/// <param name="Hint">Where the bytes are to wait, and for how long.</param>
/// <param name="Check">On a device: the store should hold its bytes already, and the write itself finds out. Null: write them.</param>
internal readonly record struct Offload(TensorBlock Block, int Version, bool IsCleanCandidate, WriteHint Hint, UnchangedCheck? Check = null);
