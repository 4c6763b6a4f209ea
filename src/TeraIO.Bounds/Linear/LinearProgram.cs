using System.Runtime.InteropServices;
using Google.OrTools.LinearSolver;

namespace TeraIO.Bounds.Linear;

/// <summary>
/// A linear program to be minimised, kept in memory beside the solver's copy so that what the solver returns can be checked: <see cref="Solve"/> takes only
/// the row prices from it and computes the bound that they prove (<see cref="DualBound"/>). A wrong or half-finished answer can make the bound weak,
/// never false. Not thread-safe.
/// </summary>
internal sealed class LinearProgram
{
    private readonly List<(double Lower, double Upper, double Cost, bool IsInteger)> _variables = [];
    private readonly List<(double Lower, double Upper)> _rows = [];
    private readonly List<(int Row, int Variable, double Coefficient)> _entries = [];

    public int Variables => _variables.Count;

    public int Rows => _rows.Count;

    public int Entries => _entries.Count;

    public int AddVariable(double lower, double upper, double cost = 0, bool isInteger = false)
    {
        _variables.Add((lower, upper, cost, isInteger));
        return _variables.Count - 1;
    }

    public int AddRow(double lower, double upper)
    {
        _rows.Add((lower, upper));
        return _rows.Count - 1;
    }

    /// <summary>Adds to a coefficient.</summary>
    public void Add(int row, int variable, double coefficient)
    {
        if (coefficient != 0) _entries.Add((row, variable, coefficient));
    }

    /// <summary>Replaces all costs.</summary>
    public void SetCosts(Func<int, double> cost)
    {
        Span<(double Lower, double Upper, double Cost, bool IsInteger)> variables = CollectionsMarshal.AsSpan(_variables);
        for (int i = 0; i < variables.Length; i++) variables[i].Cost = cost(i);
    }

    /// <summary>The objective at a point.</summary>
    public double CostOf(ReadOnlySpan<double> values)
    {
        double cost = 0;
        for (int i = 0; i < values.Length; i++) cost += _variables[i].Cost * values[i];
        return cost;
    }

    /// <summary>Solves it as a linear program, integrality left out.</summary>
    public LinearSolution Solve(TimeSpan limit)
    {
        using Solver solver = Create("GLOP", limit);
        (Variable[] variables, Constraint[] rows) = Load(solver, isInteger: false);
        Solver.ResultStatus status = solver.Solve();
        if (status != Solver.ResultStatus.OPTIMAL) return new LinearSolution(status.ToString(), double.NegativeInfinity, []);
        var prices = new double[rows.Length];
        for (int i = 0; i < rows.Length; i++) prices[i] = rows[i].DualValue();
        var values = new double[variables.Length];
        for (int i = 0; i < variables.Length; i++) values[i] = variables[i].SolutionValue();
        return new LinearSolution(status.ToString(), DualBound(prices), values);
    }

    /// <summary>Solves it with integers.</summary>
    /// <param name="limit">Time limit.</param>
    /// <param name="hint">Values to start from; empty for none.</param>
    public LinearSolution SolveInteger(TimeSpan limit, ReadOnlySpan<double> hint = default)
    {
        using Solver solver = Create("SCIP", limit);
        (Variable[] variables, _) = Load(solver, isInteger: true);
        if (hint.Length == variables.Length)
        {
            using var all = new MPVariableVector(variables);
            solver.SetHint(all, hint.ToArray());
        }

        Solver.ResultStatus status = solver.Solve();
        if (status is not (Solver.ResultStatus.OPTIMAL or Solver.ResultStatus.FEASIBLE))
            return new LinearSolution(status.ToString(), double.NegativeInfinity, []);
        using Objective objective = solver.Objective();
        var values = new double[variables.Length];
        for (int i = 0; i < variables.Length; i++) values[i] = variables[i].SolutionValue();
        return new LinearSolution(status.ToString(), objective.BestBound(), values);
    }

    /// <summary>
    /// The least that the objective can be, by weak duality, whatever the prices are: with y clipped to the signs that the rows allow, every feasible x has
    /// cost c x >= y b + sum over variables of the least of (c - y A) x within the variable's limits.
    /// </summary>
    public double DualBound(ReadOnlySpan<double> prices)
    {
        var reduced = new double[_variables.Count];
        for (int i = 0; i < reduced.Length; i++) reduced[i] = _variables[i].Cost;
        var clipped = new double[_rows.Count];
        double bound = 0;
        for (int i = 0; i < clipped.Length; i++)
        {
            double limit = prices[i] > 0 ? _rows[i].Lower : _rows[i].Upper;
            if (prices[i] == 0 || !double.IsFinite(limit) || !double.IsFinite(prices[i])) continue;
            clipped[i] = prices[i];
            bound += prices[i] * limit;
        }

        foreach ((int row, int variable, double coefficient) in _entries) reduced[variable] -= clipped[row] * coefficient;
        for (int i = 0; i < reduced.Length; i++)
        {
            if (reduced[i] == 0) continue;
            bound += reduced[i] * (reduced[i] > 0 ? _variables[i].Lower : _variables[i].Upper);
        }

        return double.IsNaN(bound) ? double.NegativeInfinity : bound;
    }

    private static Solver Create(string name, TimeSpan limit)
    {
        Solver solver = Solver.CreateSolver(name) ?? throw new InvalidOperationException($"The solver {name} is missing from Google.OrTools.");
        solver.SetTimeLimit(Math.Max(1, (long)limit.TotalMilliseconds));
        return solver;
    }

    private (Variable[] Variables, Constraint[] Rows) Load(Solver solver, bool isInteger)
    {
        var variables = new Variable[_variables.Count];
        using Objective objective = solver.Objective();
        for (int i = 0; i < variables.Length; i++)
        {
            (double lower, double upper, double cost, bool integer) = _variables[i];
            variables[i] = solver.MakeVar(lower, upper, integer && isInteger, "");
            if (cost != 0) objective.SetCoefficient(variables[i], cost);
        }

        objective.SetMinimization();
        var rows = new Constraint[_rows.Count];
        for (int i = 0; i < rows.Length; i++) rows[i] = solver.MakeConstraint(_rows[i].Lower, _rows[i].Upper);
        _entries.Sort(static (a, b) => a.Row != b.Row ? a.Row.CompareTo(b.Row) : a.Variable.CompareTo(b.Variable));
        for (int i = 0; i < _entries.Count;)
        {
            (int row, int variable, double sum) = _entries[i++];
            while (i < _entries.Count && _entries[i].Row == row && _entries[i].Variable == variable) sum += _entries[i++].Coefficient;
            if (sum != 0) rows[row].SetCoefficient(variables[variable], sum);
        }

        return (variables, rows);
    }
}
