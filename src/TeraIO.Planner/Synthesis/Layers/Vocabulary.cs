namespace TeraIO.Planner.Synthesis.Layers;

/// <summary>The parameters that hold a row per token of the vocabulary.</summary>
internal static class Vocabulary
{
    /// <param name="weights">Weights of this rank.</param>
    /// <param name="module"><c>tokens</c> or <c>head</c>.</param>
    public static IReadOnlyList<Weight> Shards(WeightTable weights, string module) => [.. weights.All.Where(w => w.Spec.Module == module)];
}
