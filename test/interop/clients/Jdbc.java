import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A client of PostgreSQL on its JDBC driver. Credentials come from the ccache that KRB5CCNAME names. The first column of
 * the first row of the query's result is printed; or failed and why.
 *
 * usage: java -cp postgresql.jar Jdbc.java URL QUERY
 */
public final class Jdbc {
    public static void main(String[] args) {
        // Takes the tickets of the ccache without a login configuration.
        System.setProperty("javax.security.auth.useSubjectCredsOnly", "false");
        try (Connection connection = DriverManager.getConnection(args[0]);
                Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(args[1])) {
            result.next();
            System.out.println(result.getString(1));
        } catch (SQLException error) {
            System.out.println("failed " + error.getMessage());
        }
    }
}
