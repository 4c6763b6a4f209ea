using TeraIO.Core.Residency;

namespace TeraIO.Core.Runtime;

/// <summary>Orders idle blocks by how well they can be spared. Called under the engine's lock.</summary>
internal interface IEvictionPreference
{
    /// <summary>Whether it can tell at this moment; otherwise the least recently used block leaves first.</summary>
    bool IsKnown { get; }

    /// <summary>Ops until the next use; larger is better to spare.</summary>
    long DistanceToNextUse(TensorBlock block);

    /// <summary>The op that uses it next, counted since the first that was seen; <see cref="long.MaxValue"/> when it cannot tell.</summary>
    long NextUse(TensorBlock block);
}
