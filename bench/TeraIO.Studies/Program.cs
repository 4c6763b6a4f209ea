using System.Globalization;
using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Studies;
using TeraIO.Studies.Optimizer;

const string Usage = """
    Studies of the planner on traces of large models and of the store, as Markdown on standard output. One of:
      llm-scale [--quick]                  policies on 2 x H100 and 2 x A100 with 1 to 8 SSDs per GPU, host memory, batch sizes
      peaks                                synthetic peaks beside published ones
      compare TRACE MODEL BATCH [MICRO]    a trace recorded by the sample beside the synthetic one of the same training
      rank-plans                           1 to 8 ranks on one path, simulated: no control, equal shares, offset issue points, staggered steps
      ranks DIRECTORY                      two processes that share a directory: no control, one lock, leases, and a holder that is killed
      emulation                            throttles with which the sample's runs on a CPU have an A100's compute : I/O ratio
      paths DIRECTORY                      a store over two paths of unequal rates (emulated, on the disk of DIRECTORY), adaptive and static splits
      optimizer DIRECTORY MILLIONS STEPS RATES [ROWS]
                                           optimizer offload, mechanism by mechanism; RATES of two paths in MB/s (400+200, emulated) or 'disk'; ROWS: paths,order,narrow,leases
      optimizer-ranks DIRECTORY MILLIONS STEPS
                                           the same update divided over two processes that share both directories: no control, one lock, leases; not throttled
      interleave DIRECTORY MILLIONS STEPS  a share of the update on a simulated device: predicted and emulated time over the share
    """;

try
{
    switch (args)
    {
        case ["llm-scale"]: ScaleStudy.Print(isQuick: false); return 0;
        case ["llm-scale", "--quick"]: ScaleStudy.Print(isQuick: true); return 0;
        case ["peaks"]: PeakStudy.Print(); return 0;
        case ["emulation"]: EmulationStudy.Print(); return 0;
        case ["paths", var directory]: PathStudy.Print(directory); return 0;
        case ["rank-plans"]: RankPlanStudy.Print(); return 0;
        case ["ranks", var directory]: RankStudy.Print(directory); return 0;
        case ["rank", var directory, var mode, var bytes, var work, var seconds, var inFlight]:
            RankWorker.Run(directory, Leases(mode, bytes), work, double.Parse(seconds, CultureInfo.InvariantCulture), Number(inFlight));
            return 0;
        case ["optimizer", var directory, var millions, var steps, var rates]: OptimizerStudy.Print(directory, Number(millions), Number(steps), rates, ""); return 0;
        case ["optimizer", var directory, var millions, var steps, var rates, var rows]: OptimizerStudy.Print(directory, Number(millions), Number(steps), rates, rows); return 0;
        case ["optimizer-ranks", var directory, var millions, var steps]: OptimizerRankStudy.Print(directory, Number(millions), Number(steps)); return 0;
        case ["optimizer-rank", var directory, var millions, var steps, var mode]:
            OptimizerRankWorker.RunAsync(directory, Number(millions), Number(steps), Leases(mode, "64MiB")).GetAwaiter().GetResult();
            return 0;
        case ["interleave", var directory, var millions, var steps]: InterleaveStudy.Print(directory, Number(millions), Number(steps)); return 0;
        case ["compare", var file, var model, var batch]: RecordedStudy.Print(file, model, Number(batch), 1); return 0;
        case ["compare", var file, var model, var batch, var micro]: RecordedStudy.Print(file, model, Number(batch), Number(micro)); return 0;
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (TeraIOException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 1;
}

static LeaseOptions? Leases(string mode, string bytes) => mode == "off"
    ? null
    : new LeaseOptions { Mode = mode == "global" ? LeaseMode.Global : LeaseMode.PerPath, BytesPerLease = ByteSize.Parse(bytes) };

static int Number(string text) => int.TryParse(text, out int number) ? number : throw new ConfigurationException($"'{text}' is not a number.");
