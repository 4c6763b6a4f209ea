using TeraIO.Core;

namespace TeraIO.Planner.Ranks;

/// <summary>How ranks are simulated. Immutable.</summary>
public sealed record RankOptions
{
    /// <summary>Data-parallel training: an iteration begins when every rank has ended the one before. Otherwise ranks know nothing of each other.</summary>
    public bool IsSynchronous { get; init; } = true;

    /// <summary>Iterations of each rank that count, warm-up included. A single rank ends as soon as it is steady instead. 2 to 1000.</summary>
    public int Iterations { get; init; } = 10;

    /// <summary>The first of them, which are left out of the mean. At least 1, less than <see cref="Iterations"/>.</summary>
    public int WarmUp { get; init; } = 4;

    /// <exception cref="ConfigurationException">An option is outside its limits; the message names it.</exception>
    internal void Validate()
    {
        if (Iterations is < 2 or > 1000) throw new ConfigurationException($"RankOptions.Iterations is {Iterations}: use 2 to 1000.");
        if (WarmUp < 1 || WarmUp >= Iterations) throw new ConfigurationException($"RankOptions.WarmUp is {WarmUp}: use 1 to {Iterations - 1}.");
    }
}
