using System.Diagnostics;
using System.Globalization;
using TeraIO.Bounds.Exact;
using TeraIO.PlanQuality;

if (args.Length > 3 || !args.All(static a => int.TryParse(a, CultureInfo.InvariantCulture, out int number) && number >= 0))
{
    await Console.Error.WriteLineAsync("usage: TeraIO.PlanQuality [COUNT [EXACT_SECONDS [FIRST_SEED]]]   traces (1000), time limit of an exact plan (20), first seed (0)").ConfigureAwait(false);
    return 2;
}

int count = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1000;
int seconds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 20;
int first = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 0;
var clock = Stopwatch.StartNew();
int done = 0;
var exact = new ExactPlanOptions { TimeLimit = TimeSpan.FromSeconds(seconds), MaxBinaries = 1500 };
QualityCase[] cases = [.. Enumerable.Range(first, count).AsParallel().AsOrdered().WithMergeOptions(ParallelMergeOptions.NotBuffered).Select(seed =>
{
    QualityCase result = QualityCase.Run(seed, exact);
    int finished = Interlocked.Increment(ref done);
    if (finished % 50 == 0) Console.Error.WriteLine(FormattableString.Invariant($"{finished} of {count}, {clock.Elapsed.TotalSeconds:F0} s"));
    return result;
})];
var report = new QualityReport(cases);
await Console.Out.WriteAsync(report.ToMarkdown()).ConfigureAwait(false);
return report.HasReachedItsAims ? 0 : 1;
