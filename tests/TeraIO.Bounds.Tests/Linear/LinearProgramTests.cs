using FsCheck;
using FsCheck.Fluent;
using TeraIO.Bounds.Linear;

namespace TeraIO.Bounds.Tests.Linear;

public class LinearProgramTests
{
    /// <summary>min x + 2y with x + y >= 3, x - y = 1, both from 0 to 10: x = 2, y = 1, cost 4.</summary>
    private static LinearProgram Small()
    {
        var program = new LinearProgram();
        int x = program.AddVariable(0, 10, 1), y = program.AddVariable(0, 10, 2);
        int sum = program.AddRow(3, double.PositiveInfinity), difference = program.AddRow(1, 1);
        program.Add(sum, x, 1);
        program.Add(sum, y, 1);
        program.Add(difference, x, 1);
        program.Add(difference, y, -0.5);
        program.Add(difference, y, -0.5);
        return program;
    }

    [Test]
    public void The_bound_of_a_solved_program_is_its_optimum()
    {
        LinearSolution solution = Small().Solve(TimeSpan.FromSeconds(10));
        Assert.Multiple(() =>
        {
            Assert.That(solution.Bound, Is.EqualTo(4).Within(1e-9));
            Assert.That(solution.Values, Is.EqualTo(new double[] { 2, 1 }).Within(1e-9));
        });
    }

    [FsCheck.NUnit.Property]
    public Property Any_prices_prove_a_bound_that_the_optimum_keeps() => Prop.ForAll(
        ArbMap.Default.ArbFor<double>(), ArbMap.Default.ArbFor<double>(), static (first, second) => Small().DualBound([first, second]) <= 4 + 1e-9);

    [Test]
    public void The_best_prices_prove_the_optimum() => Assert.That(Small().DualBound([1.5, -0.5]), Is.EqualTo(4).Within(1e-12));

    [Test]
    public void Integers_are_integers()
    {
        var program = new LinearProgram();
        int x = program.AddVariable(0, 10, 1, isInteger: true);
        program.Add(program.AddRow(2.5, double.PositiveInfinity), x, 1);
        LinearSolution solution = program.SolveInteger(TimeSpan.FromSeconds(10));
        Assert.Multiple(() =>
        {
            Assert.That(solution.Bound, Is.EqualTo(3).Within(1e-6));
            Assert.That(solution.Values[x], Is.EqualTo(3).Within(1e-6));
            Assert.That(program.Solve(TimeSpan.FromSeconds(10)).Bound, Is.EqualTo(2.5).Within(1e-9));
        });
    }
}
