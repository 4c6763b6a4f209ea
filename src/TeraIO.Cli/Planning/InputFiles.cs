using TeraIO.Core;
using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;

namespace TeraIO.Cli.Planning;

/// <summary>Reads what commands are given; every failure names the file.</summary>
internal static class InputFiles
{
    public static Trace ReadTrace(string path) => Read(path, "trace", static p => TraceImporter.Read(p));

    /// <summary>A plan for the trace, and the trace in the order that the plan is for.</summary>
    public static (MigrationPlan Plan, Trace Trace) ReadPlan(string path, Trace trace)
    {
        MigrationPlan plan = Read(path, "plan", static p => PlanFile.Read(p));
        if (plan.OpCount != trace.Ops.Length || plan.TensorCount != trace.Tensors.Length)
        {
            throw new InputException(
                $"{path} is a plan for '{plan.TraceName}' with {plan.OpCount} ops and {plan.TensorCount} tensors; this trace has {trace.Ops.Length} and {trace.Tensors.Length}. Make a new one with teraio plan.");
        }

        Trace ordered = PlannedTrace.Of(plan, trace);
        try
        {
            PlanValidation.Check(plan, ordered);
        }
        catch (TraceFormatException e)
        {
            throw new InputException($"{path}: {e.Message}", e);
        }

        return (plan, ordered);
    }

    public static T Read<T>(string path, string what, Func<string, T> read)
    {
        if (Directory.Exists(path)) throw new InputException($"{path} is a directory; name the {what} file.");
        if (!File.Exists(path)) throw new InputException($"There is no {what} file {path}.");
        try
        {
            return read(path);
        }
        catch (TeraIOException e)
        {
            throw new InputException(e.Message.Contains(path, StringComparison.Ordinal) ? e.Message : $"{path}: {e.Message}", e);
        }
    }
}
