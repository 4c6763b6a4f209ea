using TeraIO.Core.Plans;
using TeraIO.Core.Tracing;
using TeraIO.Planner.Import;

namespace TeraIO.Cli.Planning;

/// <summary>Files in and out.</summary>
internal static class Formats
{
    public static Trace ReadTrace(string path) => TraceImporter.Read(path);

    public static MigrationPlan ReadPlan(string path) => PlanFile.Read(path);

    public static void WriteTrace(Trace trace, string path) => TraceFile.Write(trace, path);

    public static void WritePlan(MigrationPlan plan, string path) => PlanFile.Write(plan, path);
}
