using TeraIO.Optimizer.Update;

namespace TeraIO.Optimizer.Interleave;

/// <summary>Somebody who updates subgroups: the CPU's threads, or a device with its own memory and copy queues.</summary>
public interface IUpdateExecutor
{
    /// <summary>For reports.</summary>
    string Name { get; }

    /// <summary>
    /// Updates one subgroup; several may be under way. Until the task has ended the subgroup's memory belongs to the executor; after a failure its contents are lost.
    /// </summary>
    Task UpdateAsync(SubgroupUpdate update);
}
