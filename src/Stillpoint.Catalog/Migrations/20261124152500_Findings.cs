using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Stillpoint.Catalog.Migrations
{
    /// <inheritdoc />
    public partial class Findings : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(name: "OutsideDisks", table: "policies", type: "TEXT", nullable: false, defaultValue: "skip");
            migrationBuilder.AddColumn<string>(name: "Findings", table: "jobs", type: "TEXT", nullable: false, defaultValue: "[]");
            migrationBuilder.AddColumn<string>(name: "Findings", table: "images", type: "TEXT", nullable: false, defaultValue: "[]");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(name: "OutsideDisks", table: "policies");
            migrationBuilder.DropColumn(name: "Findings", table: "jobs");
            migrationBuilder.DropColumn(name: "Findings", table: "images");
        }
    }
}
