using System.Diagnostics;
using System.Globalization;
using TeraIO.Bounds.Exact;
using TeraIO.PlanQuality;

if (args.Length > 2 || !args.All(static a => int.TryParse(a, CultureInfo.InvariantCulture, out int number) && number > 0))
{
    await Console.Error.WriteLineAsync("usage: TeraIO.PlanQuality [COUNT [EXACT_SECONDS]]   traces (1000) and time limit of an exact plan (20)").ConfigureAwait(false);
    return 2;
}

int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
double seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 20;
var clock = Stopwatch.StartNew();
int done = 0;
var exact = new ExactPlanOptions { TimeLimit = TimeSpan.FromSeconds(seconds), MaxBinaries = 400 };
QualityCase[] cases = [.. Enumerable.Range(0, count).AsParallel().AsOrdered().Select(seed =>
{
    QualityCase result = QualityCase.Run(seed, exact);
    if (result.Exact is { } e) Console.Error.WriteLine($"{seed} ops {result.Trace.Ops.Length} bin {e.Binaries} {e.SolveSeconds:F1}s optimal {e.IsOptimal} lp {result.Bound.StepSeconds / result.Bound.IdealSeconds:F4} bound {e.BoundSeconds / result.Bound.IdealSeconds:F4} model {e.ModelSeconds / result.Bound.IdealSeconds:F4} sim {e.Plan?.Simulation.StepSeconds / result.Bound.IdealSeconds:F4} planned {result.PlannedBesideExact!.StepSeconds / result.Bound.IdealSeconds:F4} host {result.Machine.Host is not null} lat {result.Machine.Storage.LatencySeconds>0} {e.Reason}");
    int finished = Interlocked.Increment(ref done);
    if (finished % 50 == 0) Console.Error.WriteLine($"{finished} of {count}, {clock.Elapsed.TotalSeconds:F0} s");
    return result;
})];
return 0;
