using TeraIO.Planner.Synthesis;

namespace TeraIO.Studies;

/// <summary>Peak memory per GPU of TERAIO's trainings (section 4, 2 x H100 NVL, FP32), synthetic beside published.</summary>
internal static class PeakStudy
{
    private static readonly (string Model, int Batch, int Sequence, string Published)[] _trainings =
    [
        ("llama3-8b", 16, 1024, "188-191"),
        ("llama3-8b", 8, 2048, "188-191"),
        ("llama3-8b", 4, 4096, "188-191"),
        ("granite-8b", 20, 2048, "379-387"),
        ("granite-8b", 10, 4096, "379-387"),
        ("llama3-70b", 4, 2048, "940.9-942.1"),
        ("llama3-70b", 4, 3072, "1092"),
        ("llama3-70b", 4, 4096, "1243"),
    ];

    public static void Print()
    {
        Console.WriteLine("Peak of one GPU in % of its 94 GB; FP32, AdamW, no checkpointing, 2 micro batches. The paper gives sequence lengths but neither micro batch nor parallelism;");
        Console.WriteLine("the micro batches here are the ones that fit its peaks best, and tensor parallelism over both GPUs fits all three models where two pipeline stages do not.");
        Console.WriteLine();
        Markdown.Header(1, "model", "micro batch", "sequence", "published, %", "tensor parallel 2, %", "pipeline of 2, first stage, %", "second stage, %", "active share, %");
        foreach ((string model, int batch, int sequence, string published) in _trainings)
        {
            SynthesisOptions options = new()
            {
                Model = ModelCatalog.Named(model),
                Device = DeviceCatalog.Named("h100-nvl-94g"),
                Batch = batch,
                Sequence = sequence,
                MicroBatches = 2,
                SmallestTensorBytes = 1 << 20,
            };
            TraceStatistics tensorParallel = TraceStatistics.Of(SyntheticTrace.Create(options with { TensorParallel = 2 }));
            Markdown.Row(
                model, $"{batch}", $"{sequence}", published, Share(tensorParallel), Share(Stage(options, 0)), Share(Stage(options, 1)),
                Markdown.Hundredths(100 * tensorParallel.ActiveShare));
        }
    }

    private static TraceStatistics Stage(SynthesisOptions options, int stage) =>
        TraceStatistics.Of(SyntheticTrace.Create(options with { PipelineParallel = 2, Rank = stage }));

    private static string Share(TraceStatistics statistics) => Markdown.Number(100 * statistics.PeakBytes / 94e9, "0");
}
