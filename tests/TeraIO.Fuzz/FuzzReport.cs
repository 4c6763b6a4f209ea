namespace TeraIO.Fuzz;

/// <summary>What a run found, in a line.</summary>
internal static class FuzzReport
{
    public static string Line(string name, FuzzRun run) =>
        $"{name,-16} {run.Inputs,10} inputs {run.Accepted,8} accepted {run.Messages,4} kinds of refusal  longest {run.LongestTime.TotalMilliseconds,7:0.0} ms  most allocated {run.MostAllocated / 1048576.0,6:0.0} MiB  failures {run.Failures.Count}";
}
