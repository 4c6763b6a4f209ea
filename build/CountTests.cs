using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>Adds up the results of `dotnet test` (TRX) and ctest (JUnit) into one line: N passed, N failed, N skipped.</summary>
public sealed class CountTests : Task
{
    [Required]
    public ITaskItem[] Reports { get; set; }

    [Required]
    public string SummaryFile { get; set; }

    public override bool Execute()
    {
        List<Outcome> outcomes = Reports.Select(r => XDocument.Load(r.GetMetadata("FullPath"))).SelectMany(Outcomes).ToList();
        int passed = outcomes.Count(o => o == Outcome.Passed);
        int failed = outcomes.Count(o => o == Outcome.Failed);
        int skipped = outcomes.Count(o => o == Outcome.Skipped);
        if (passed + failed == 0) Log.LogError("No test ran (" + Reports.Length + " reports, " + skipped + " skipped tests).");
        if (failed > 0) Log.LogError("Failed tests: " + failed + "; their output is above and under artifacts/tests.");
        File.WriteAllText(SummaryFile, passed + " passed, " + failed + " failed, " + skipped + " skipped\n");
        return !Log.HasLoggedErrors;
    }

    private enum Outcome
    {
        Failed,
        Passed,
        Skipped,
    }

    /// <summary>One outcome per test, from the results: TRX's own counters leave skipped NUnit tests out.</summary>
    private static IEnumerable<Outcome> Outcomes(XDocument report) => report.Root.Name.LocalName == "TestRun"
        ? report.Descendants().Where(e => e.Name.LocalName == "UnitTestResult").Select(DotNetOutcome)
        : report.Descendants("testcase").Select(CTestOutcome);

    // An outcome that is neither known as passed nor as skipped is a failure.
    private static Outcome DotNetOutcome(XElement result)
    {
        string outcome = (string)result.Attribute("outcome");
        return outcome == "Passed" ? Outcome.Passed
            : outcome == "NotExecuted" || outcome == "Inconclusive" ? Outcome.Skipped
            : Outcome.Failed;
    }

    private static Outcome CTestOutcome(XElement test)
    {
        string status = (string)test.Attribute("status");
        if (status == "run") return Outcome.Passed;
        // "notrun" is also what a missing executable gives; only a test that skipped itself has this message.
        string message = (string)test.Element("skipped")?.Attribute("message") ?? "";
        return status == "disabled" || message.StartsWith("SKIP_") ? Outcome.Skipped : Outcome.Failed;
    }
}
