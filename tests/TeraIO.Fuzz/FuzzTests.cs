using TeraIO.Core.Tracing;

namespace TeraIO.Fuzz;

/// <summary>A short, deterministic run for every change; long ones are made by hand (docs/formats/fuzzing.md).</summary>
[TestFixture]
public class FuzzTests
{
    private const int Inputs = 4000;

    private static IEnumerable<string> Targets => FuzzTargets.All.Select(static target => target.Name);

    [TestCaseSource(nameof(Targets))]
    public void A_parser_survives_what_it_is_fed(string name)
    {
        FuzzTarget target = FuzzTargets.All.Single(target => target.Name == name);
        var run = new FuzzRun(target, seed: 1);
        run.CheckSeeds();
        for (int i = 0; i < Inputs; i++) run.Step();
        TestContext.Out.WriteLine(FuzzReport.Line(name, run));
        Assert.That(run.Failures.Select(static failure => failure.Reason), Is.Empty);
        // It got past the first bytes: into many refusals and also through.
        Assert.That(run.Messages, Is.GreaterThan(name == "gzip" ? 5 : 15));
        Assert.That(run.Accepted, Is.Positive);
    }

    private static readonly (string Name, Action<byte[]> Parse)[] _broken =
    [
        ("throws something else", static input => throw new InvalidOperationException("index")),
        ("names no file", static input => throw new TraceFormatException("something is wrong")),
        ("quotes the whole file", static input => throw new TraceFormatException("fuzz: " + new string('x', 1000))),
        ("quotes what a terminal obeys", static input => throw new TraceFormatException("fuzz: \u001b[2J")),
        ("allocates too much", static input => GC.KeepAlive(new byte[(8 << 20) + (600 * input.Length)])),
        ("takes too long", static input => Thread.Sleep(30)),
    ];

    [TestCaseSource(nameof(_broken))]
    public void A_broken_parser_is_found((string Name, Action<byte[]> Parse) broken)
    {
        var run = new FuzzRun(new FuzzTarget("broken", ["seed"u8.ToArray()], ["x"u8.ToArray()], broken.Parse), seed: 1) { Limit = TimeSpan.FromMilliseconds(20) };
        run.Step();
        Assert.That(run.Failures, Has.Count.EqualTo(1), broken.Name);
    }

    [Test]
    public void A_run_can_be_repeated()
    {
        static FuzzRun Run()
        {
            var run = new FuzzRun(FuzzTargets.All[0], seed: 7);
            for (int i = 0; i < 500; i++) run.Step();
            return run;
        }

        (FuzzRun first, FuzzRun second) = (Run(), Run());
        Assert.That((second.Accepted, second.Messages), Is.EqualTo((first.Accepted, first.Messages)));
    }
}
