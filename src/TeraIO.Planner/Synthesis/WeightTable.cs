namespace TeraIO.Planner.Synthesis;

/// <summary>The weights that one rank has, by name and in registration order.</summary>
internal sealed class WeightTable
{
    private readonly Dictionary<string, Weight> _byName = [];
    private readonly List<Weight> _all = [];

    public WeightTable(IterationRecorder recorder, (int First, int End) blocks)
    {
        SynthesisOptions options = recorder.Options;
        int blockCount = options.Model.Layers + options.Model.EncoderLayers;
        foreach (ParameterSpec spec in ParameterList.Of(options.Model))
        {
            // A tied head on another stage than the embedding is a copy of it.
            bool isCopyOfHead = options.Model.IsTied && spec.Module == "tokens" && options.IsLastStage;
            bool isHere = spec.Layer < 0 ? options.IsFirstStage || isCopyOfHead
                : spec.Layer >= blockCount ? options.IsLastStage
                : spec.Layer >= blocks.First && spec.Layer < blocks.End;
            if (!isHere) continue;
            long elements = spec.IsSplit ? Split(spec, options.TensorParallel) : spec.Elements;
            var weight = new Weight(recorder, spec, elements);
            _byName.Add(spec.Name, weight);
            _all.Add(weight);
        }
    }

    /// <summary>All, in registration order.</summary>
    public IReadOnlyList<Weight> All => _all;

    public Weight this[string name] => _byName[name];

    /// <summary>The weight of that name, or null when the model has none.</summary>
    public Weight? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>A rank's part; a vocabulary that does not divide is padded.</summary>
    private static long Split(ParameterSpec spec, int ranks) => (spec.Rows + ranks - 1) / ranks * (spec.Elements / spec.Rows);
}
