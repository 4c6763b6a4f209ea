using TeraIO.Core;
using TeraIO.Optimizer.Layout;

namespace TeraIO.Studies.Optimizer;

/// <summary>A row of the ablation: what is added to the baseline.</summary>
/// <param name="Key">On the command line.</param>
/// <param name="Name">In the table.</param>
/// <param name="Paths">How many.</param>
/// <param name="Order">Alternating keeps a tail in memory.</param>
/// <param name="HasNarrowGradients">BF16 in host memory instead of FP32 through storage.</param>
/// <param name="HasLeases">Paths are taken in turns.</param>
internal sealed record Mechanisms(string Key, string Name, int Paths, UpdateOrder Order, bool HasNarrowGradients, bool HasLeases)
{
    /// <summary>Each has what the one before has.</summary>
    public static IReadOnlyList<Mechanisms> All { get; } =
    [
        new("baseline", "baseline (as DeepSpeed ZeRO-3 to NVMe)", 1, UpdateOrder.Ascending, false, false),
        new("paths", "+ second path", 2, UpdateOrder.Ascending, false, false),
        new("order", "+ alternating order, tail cache", 2, UpdateOrder.Alternating, false, false),
        new("narrow", "+ BF16 gradients", 2, UpdateOrder.Alternating, true, false),
        new("leases", "+ concurrency control", 2, UpdateOrder.Alternating, true, true),
    ];

    /// <summary>Those named, after the baseline, in the order of the table.</summary>
    /// <param name="names">Keys, separated by commas; empty for all.</param>
    public static IReadOnlyList<Mechanisms> Named(string names)
    {
        string[] keys = names.Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (keys.Except(All.Select(static row => row.Key)).FirstOrDefault() is { } unknown)
            throw new ConfigurationException($"There is no row '{unknown}': use {string.Join(", ", All.Select(static row => row.Key))}.");
        return [.. All.Where(row => keys.Length == 0 || row.Key == "baseline" || keys.Contains(row.Key))];
    }
}
